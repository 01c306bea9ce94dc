//! Folding: the state is a function of the set of log objects, whatever stands beside them.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as the tests do")]

use std::path::PathBuf;
use std::sync::Arc;

use hushfs::crypto::{ClassKeys, MasterKey, VaultId};
use hushfs::format::{
    ChunkSize, DeviceId, Frontier, FrontierEntry, Ino, LOG_FOLDER, LogDraft, LogHash, LogKind,
    NodeKind, Operation, Time, Times, encode_operation, log_name,
};
use hushfs::fs::{FoldGap, Folded, fold};
use hushfs::store::{HostDisk, VaultFolder};

/// A vault whose log objects a test writes itself.
struct Bench {
    folder: tempfile::TempDir,
    keys: ClassKeys,
}

impl Bench {
    fn new() -> Self {
        let keys = MasterKey::random().class_keys(&VaultId::random());
        Self { folder: tempfile::tempdir().unwrap(), keys }
    }

    fn vault(&self) -> VaultFolder {
        VaultFolder::new(Arc::new(HostDisk), self.folder.path())
    }

    fn path(&self, kind: LogKind, device: DeviceId, seq: u64) -> PathBuf {
        self.folder.path().join(LOG_FOLDER).join(log_name(kind, device, seq))
    }

    /// Writes a log object that makes files of these names; gives it as a frontier names it.
    fn put(
        &self,
        kind: LogKind,
        device: DeviceId,
        seq: u64,
        frontier: &Frontier,
        clock: u64,
        names: &[&str],
    ) -> FrontierEntry {
        let mut operations = Vec::new();
        for name in names {
            let create = Operation::Create {
                parent: Ino::ROOT,
                name: name.as_bytes(),
                ino: Ino::random(),
                kind: NodeKind::File,
                mode: 0o644,
                uid: 0,
                gid: 0,
                times: Times::Same(Time::default()),
            };
            encode_operation(&create, &mut operations);
        }
        let previous = frontier.get(device).map_or(LogHash::NONE, |entry| entry.hash);
        let draft = LogDraft {
            device,
            seq,
            previous,
            frontier: frontier.clone(),
            clock,
            kind,
            published: Time::default(),
            device_name: "bench".into(),
            operations,
        };
        let sealed = draft.seal(&self.keys);
        self.vault().put_log(kind, device, seq, &sealed).unwrap();
        FrontierEntry { device, seq, hash: LogHash::of(&sealed) }
    }

    fn fold(&self) -> Folded {
        let vault = self.vault();
        fold(&vault, &vault.listing().unwrap(), &self.keys, ChunkSize::DEFAULT)
    }
}

fn names(folded: &Folded) -> Vec<String> {
    let entries = folded.tree.entries(Ino::ROOT, 0).unwrap();
    let mut names: Vec<_> =
        entries.map(|(_, name, _)| String::from_utf8(name.to_vec()).unwrap()).collect();
    names.sort();
    names
}

const A: DeviceId = DeviceId(1);
const B: DeviceId = DeviceId(2);

#[test]
fn what_two_did_at_the_same_time_is_merged_with_a_checkpoint_of_one_of_them_or_without() {
    let bench = Bench::new();
    let nothing_seen = Frontier::default();
    bench.put(LogKind::Increment, A, 1, &nothing_seen, 1, &["a"]);
    let b = bench.put(LogKind::Increment, B, 1, &nothing_seen, 1, &["b"]);
    let without = bench.fold();
    let mut seen = Frontier::default();
    seen.advance(b);
    bench.put(LogKind::Checkpoint, B, 1, &seen, 1, &["b"]);
    let with = bench.fold();
    for folded in [without, with] {
        assert_eq!(names(&folded), ["a", "b"]);
        assert!(folded.gaps.is_empty(), "{:?}", folded.gaps);
    }
}

#[test]
fn of_a_log_object_that_does_not_fit_nothing_stays() {
    let bench = Bench::new();
    let mut seen = Frontier::default();
    seen.advance(bench.put(LogKind::Increment, A, 1, &seen.clone(), 1, &["first"]));
    bench.put(LogKind::Increment, A, 2, &seen, 2, &["second", "first"]);
    let folded = bench.fold();
    assert_eq!(names(&folded), ["first"]);
    assert!(matches!(folded.gaps[..], [FoldGap::Unfit { device: A, seq: 2, .. }]));
}

#[test]
fn a_checkpoint_that_cannot_be_used_is_done_without() {
    let bench = Bench::new();
    let mut seen = Frontier::default();
    seen.advance(bench.put(LogKind::Increment, A, 1, &seen.clone(), 1, &["first"]));
    bench.put(LogKind::Checkpoint, A, 1, &seen, 1, &["first"]);
    seen.advance(bench.put(LogKind::Increment, A, 2, &seen.clone(), 2, &["second"]));
    bench.put(LogKind::Checkpoint, A, 2, &seen, 2, &["twice", "twice"]);
    for damage in [false, true] {
        if damage {
            std::fs::write(bench.path(LogKind::Checkpoint, A, 2), b"hushfs").unwrap();
        }
        let folded = bench.fold();
        assert_eq!(names(&folded), ["first", "second"]);
        assert!(folded.gaps.is_empty(), "{:?}", folded.gaps);
        assert_eq!(folded.frontier.seq(A), 2);
        // Where the newest cannot even be opened, the one before it saves the time.
        assert_eq!(folded.checkpoint_bytes > 0, damage);
    }
}
