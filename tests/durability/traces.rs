//! Nothing of names, content or keys is on disk outside the mount (I6).

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use hushfs::format::README_NAME;

use super::bench::{Bench, PASSWORD};
use super::device::publish;
use super::sample::make_backup;

/// Fewer bytes may be somewhere by chance.
const TRACE_BYTES_MIN: usize = 6;
const PIECE_BYTES: usize = 64;
const PIECES_OF_A_FILE: usize = 12;
/// A piece of fewer different bytes than these tells nothing.
const DIFFERENT_BYTES_MIN: usize = 8;

/// What must not be found, by its first bytes.
#[derive(Default)]
struct Traces {
    by_start: HashMap<[u8; TRACE_BYTES_MIN], Vec<(String, Vec<u8>)>>,
    /// Marks what the first three bytes of a trace can be, to look no further mostly.
    starts: Vec<bool>,
}

impl Traces {
    fn add(&mut self, what: impl Into<String>, bytes: &[u8]) {
        let Some(start) = bytes.first_chunk() else { return };
        self.starts.resize(1 << 24, false);
        self.starts[number(bytes)] = true;
        self.by_start.entry(*start).or_default().push((what.into(), bytes.to_owned()));
    }

    fn count(&self) -> usize {
        self.by_start.values().map(Vec::len).sum()
    }

    /// What there is of it in these bytes, and where.
    fn search(&self, bytes: &[u8]) -> Option<(usize, &str)> {
        (0..bytes.len().saturating_sub(TRACE_BYTES_MIN - 1)).find_map(|at| {
            let rest = &bytes[at..];
            if !self.starts[number(rest)] {
                return None;
            }
            let known = self.by_start.get(rest.first_chunk()?)?;
            let found = known.iter().find(|(_, trace)| rest.starts_with(trace))?;
            Some((at, found.0.as_str()))
        })
    }
}

fn number(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 16 | usize::from(bytes[1]) << 8 | usize::from(bytes[2])
}

/// All that is below a folder, but for what `init` says in clear.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found.retain(|path| path.file_name().is_some_and(|name| name != README_NAME));
    found
}

/// Names, link targets and pieces of content of all that is in the mount, and the keys.
fn traces_of(bench: &Bench) -> Traces {
    let mut traces = Traces::default();
    let mut names = HashSet::new();
    for path in below(&bench.mount_point()) {
        let shown = path.display().to_string();
        let name = path.file_name().unwrap();
        if name.len() >= TRACE_BYTES_MIN && names.insert(name.to_owned()) {
            traces.add(format!("the name of {shown}"), name.as_bytes());
        }
        if let Ok(target) = fs::read_link(&path) {
            traces.add(format!("the target of {shown}"), target.as_os_str().as_bytes());
        } else if path.is_file() {
            let file = File::open(&path).unwrap();
            let size = file.metadata().unwrap().len();
            // Not at multiples of anything; the last one is the file's end.
            let last = size.saturating_sub(PIECE_BYTES as u64);
            for nth in 0..PIECES_OF_A_FILE as u64 {
                let mut piece = [0; PIECE_BYTES];
                let at = last * nth / (PIECES_OF_A_FILE as u64 - 1);
                if file.read_exact_at(&mut piece, at).is_ok()
                    && piece.iter().collect::<HashSet<_>>().len() >= DIFFERENT_BYTES_MIN
                {
                    traces.add(format!("content of {shown} at {at}"), &piece);
                }
            }
        }
    }
    traces.add("the password", PASSWORD.as_bytes());
    let text = fs::read_to_string(bench.key_file()).unwrap();
    let groups: Vec<&str> = text.split_whitespace().collect();
    let digits = groups.concat();
    assert_eq!(digits.len(), 64, "{text}");
    for digits in [digits.to_lowercase(), digits.to_uppercase()] {
        // Of any part of the key two groups are enough to see it.
        for at in (0..digits.len()).step_by(8) {
            traces.add("digits of the key", &digits.as_bytes()[at..at + 8]);
        }
        let bits: Vec<u8> = (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect();
        bits.chunks(8).for_each(|bits| traces.add("bits of the key", bits));
    }
    for groups in groups.chunks(4) {
        traces.add("groups of the key", groups.join(" ").as_bytes());
    }
    traces
}

/// Fails if any trace is in a file, or a file's name, of the vault or the state folder; gives
/// the number of bytes searched.
fn assert_none(bench: &Bench, traces: &Traces, when: &str) -> usize {
    let mut searched = 0;
    for path in [bench.vault(), bench.state()].iter().flat_map(|folder| below(folder)) {
        let mut bytes = path.file_name().unwrap().as_bytes().to_vec();
        if path.is_file() {
            bytes = [fs::read(&path).unwrap(), bytes].concat();
        }
        if let Some((at, what)) = traces.search(&bytes) {
            panic!("{when}, {} at {at} holds {what}", path.display());
        }
        searched += bytes.len();
    }
    searched
}

/// Content bytes that wait in the state folder.
fn staged_bytes(bench: &Bench) -> u64 {
    let packs = fs::read_dir(bench.state().join("staged")).unwrap();
    packs.map(|pack| pack.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn no_name_content_or_key_is_on_disk_at_any_time() {
    let Some(bench) = Bench::mounted() else { return };
    make_backup(&bench.at("chats of mine"), "0.02");
    publish(&bench.mount_point());
    // In the journal: a small file that is synced, and one changed in place.
    let mut small = File::create(bench.at("small and synced")).unwrap();
    small.write_all(b"The quick brown fox jumps over the lazy dog, and 7 more times.\n").unwrap();
    small
        .write_all(b"Now is the time for all good men to come to the aid of the party.\n")
        .unwrap();
    small.sync_all().unwrap();
    rustix::fs::fsetxattr(
        &small,
        "user.an attribute",
        b"its value",
        rustix::fs::XattrFlags::empty(),
    )
    .unwrap();
    // In a staged pack: more than a journal takes.
    let text: Vec<u8> = (0..400_000_u32).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
    fs::write(bench.at("large and closed"), &text).unwrap();
    let large = OpenOptions::new().write(true).open(bench.at("large and closed")).unwrap();
    large
        .write_all_at(b"changed in place: every letter of this line is another one", 5000)
        .unwrap();
    large.sync_all().unwrap();
    let mut traces = traces_of(&bench);
    traces.add("the name of an attribute", b"user.an attribute");
    traces.add("the value of an attribute", b"its value");
    assert!(traces.count() > 1000, "{}", traces.count());
    assert_none(&bench, &traces, "while mounted");
    // Searching may take longer than publishing waits: once more, and killed right away.
    large.write_all_at(&text, 0).unwrap();
    small.write_all(b"And once more.\n").unwrap();
    small.sync_all().unwrap();
    large.sync_all().unwrap();
    bench.kill();
    assert!(staged_bytes(&bench) > text.len() as u64, "the packs were published already");
    let searched = assert_none(&bench, &traces, "after a crash");
    assert!(searched > 20_000_000, "{searched}");
    bench.mount();
    assert_eq!(fs::read(bench.at("large and closed")).unwrap().len(), text.len());
    bench.unmount();
    assert_eq!(staged_bytes(&bench), 0);
    assert_none(&bench, &traces, "after an unmount");
}

#[test]
fn a_trace_is_found_wherever_it_is() {
    let mut traces = Traces::default();
    traces.add("short", b"secret");
    traces.add("long", &[b"secret"[..].to_vec(), vec![9; 58]].concat());
    for at in [0, 1, 4095, 9994] {
        let mut bytes = vec![b's'; 10_000];
        assert_eq!(traces.search(&bytes), None);
        bytes[at..at + 6].copy_from_slice(b"secret");
        assert_eq!(traces.search(&bytes), Some((at, "short")));
    }
    assert_eq!(traces.search(b"secre"), None);
}
