//! A real vault with any journal of this device in the state folder, opened to look and then to
//! write; and published.
#![no_main]

use std::sync::{Arc, LazyLock};

use hushfs::crypto::ObjectId;
use hushfs::format::{
    DeviceId, Frontier, Ino, LogKind, Operation, PackHeader, PackId, PackSealer, Time,
    encode_operation, parse_pack_name,
};
use hushfs::fs::{
    Attributes, FileKind, FileSystem, MountMode, OpenRequest, VerifyRequest, fold, verify,
};
use hushfs::store::{DeviceIdentity, Seen, StateFolder, StateLock, VaultFolder};
use hushfs_fuzz::input::Input;
use hushfs_fuzz::operations::Pool;
use hushfs_fuzz::{sample, seal};
use libfuzzer_sys::fuzz_target;

const DEVICE: DeviceId = DeviceId(77);
const GENERATION: ObjectId = ObjectId([1; 16]);
const STAGED: PackId = ObjectId([6; 16]);
const STAGED_CHUNKS: u64 = 4;
const RECORDS_MAX: usize = 8;
const READ_BYTES: usize = 64 << 10;

/// What the sample vault has, for operations to be about.
struct Known {
    inos: Vec<Ino>,
    names: Vec<Vec<u8>>,
    packs: Vec<PackId>,
    seen: Seen,
    /// What a device had seen that did not get the last log objects.
    earlier: Frontier,
    staged: Vec<u8>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let (_, vault) = sample::vault(|_| true);
    let listing = vault.listing().unwrap();
    let folded = fold(&vault, &listing, sample::keys(), sample::chunk_size());
    assert!(folded.gaps.is_empty());
    let (mut inos, mut names, mut folders) = (vec![Ino::ROOT], Vec::new(), vec![Ino::ROOT]);
    while let Some(folder) = folders.pop() {
        for (_, name, attributes) in folded.tree.entries(folder, 0).unwrap() {
            inos.push(attributes.ino);
            names.push(name.to_vec());
            if attributes.kind == FileKind::Folder {
                folders.push(attributes.ino);
            }
        }
    }
    inos.extend((100..104).map(Ino));
    let sample_packs = sample::OBJECTS.iter().filter_map(|(path, _)| path.rsplit('/').next());
    let packs = [STAGED].into_iter().chain(sample_packs.filter_map(parse_pack_name)).collect();
    let mut earlier = Frontier::default();
    for ((device, seq), _) in listing.logs.iter().filter(|((_, seq), _)| *seq == 1) {
        let log = vault.get_log(sample::keys(), LogKind::Increment, *device, *seq).unwrap();
        earlier.advance(log.entry());
    }
    let seen = Seen { frontier: folded.frontier, ..Seen::default() };
    Known { inos, names, packs, seen, earlier, staged: staged_pack() }
});

/// A pack as a crash leaves one: full chunks, and no footer.
fn staged_pack() -> Vec<u8> {
    let sealer = PackSealer::new(sample::keys(), PackHeader::of(STAGED));
    let mut out = sealer.header().0.to_vec();
    for nth in 0..STAGED_CHUNKS {
        let plain = vec![nth as u8; sample::chunk_size().bytes()];
        let mut sealed = vec![0; plain.len() + 16];
        sealer.seal_chunk(out.len() as u64, &plain, &mut sealed);
        out.append(&mut sealed);
    }
    out
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let settings = input.u8();
    let (disk, vault) = sample::vault(|_| true);
    disk.put_folder("/state/staged");
    let state = StateFolder::existing(Arc::new(disk.clone()), "/state");
    let keys = sample::keys();
    state.set_device(keys, &DeviceIdentity { device: DEVICE, machine: "m".into() }).unwrap();
    let mut seen = KNOWN.seen.clone();
    if settings & 1 == 1 {
        seen.generation = input.u64();
    }
    if settings & 4 != 0 {
        seen.frontier.clone_from(&KNOWN.earlier);
    }
    state.set_seen(keys, &seen).unwrap();
    disk.put_file(format!("/state/staged/{STAGED}.pack"), &KNOWN.staged);
    disk.put_file("/state/journal-0", &journal(&mut input));

    if let Some(files) = open(&vault, &state, MountMode::ReadOnly) {
        walk(&files);
    }
    // Opening to write takes a few milliseconds, of which most are the journal's zeroes.
    if settings & 2 == 0 {
        return;
    }
    let Some(files) = open(&vault, &state, MountMode::ReadWrite) else { return };
    let is_writable = files.status().read_only.is_none();
    if is_writable && input.coin() {
        let _ = files.write(KNOWN.inos[input.choice(KNOWN.inos.len())], 0, b"written", false);
    }
    let before = walk(&files);
    if files.shut_down().is_err() || !is_writable {
        return;
    }
    drop(files);
    let after = open(&vault, &state, MountMode::ReadOnly).expect("what was published opens");
    compare(&before, &walk(&after));
    check_published(&vault);
});

/// A journal of one generation, of records with whole operations or any bytes.
fn journal(input: &mut Input<'_>) -> Vec<u8> {
    let pool = Pool {
        inos: &KNOWN.inos,
        names: &KNOWN.names,
        packs: &KNOWN.packs,
        chunk_size: sample::chunk_size(),
        with_inline: true,
    };
    let mut out = seal::journal_header(GENERATION, 1, 0);
    for seq in 0..u64::from(input.u8()) % RECORDS_MAX as u64 {
        let kind = input.u8();
        let body = match kind % 8 {
            0 => input.bytes().to_vec(),
            1 => staged_write(input),
            count => pool.encoded(input, count.into()),
        };
        let durable = if kind & 0x80 != 0 { seq } else { 0 };
        out.extend_from_slice(&seal::journal_record(GENERATION, seq, durable, &body));
    }
    out
}

/// A new file, or none, with content in the staged pack.
fn staged_write(input: &mut Input<'_>) -> Vec<u8> {
    let chunk_bytes = sample::chunk_size().field();
    let (nth, count) = (input.u32() % STAGED_CHUNKS as u32, input.u32() % STAGED_CHUNKS as u32 + 1);
    let run = hushfs::format::Run {
        first_chunk: input.u64(),
        count,
        pack: STAGED,
        pack_offset: 32 + nth * (chunk_bytes + 16),
        tail_bytes: chunk_bytes,
        visible_bytes: chunk_bytes - input.u32() % chunk_bytes,
    };
    let time = Time::default();
    let ino = KNOWN.inos[input.choice(KNOWN.inos.len())];
    let size = run.first_chunk.saturating_add(count.into()).saturating_mul(chunk_bytes.into());
    let write = Operation::Write { ino, runs: vec![run], size, mtime: time, ctime: time };
    let mut out = Vec::new();
    encode_operation(&write, &mut out);
    out
}

fn open(vault: &VaultFolder, state: &StateFolder, mode: MountMode) -> Option<Arc<FileSystem>> {
    let folder = std::env::temp_dir().join(format!("lock-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let lock = StateLock::take(&folder).unwrap();
    let opened = FileSystem::open_vault(OpenRequest {
        vault: vault.clone(),
        state: Some(state.clone()),
        lock: Some(lock),
        keys: sample::own_keys(),
        descriptor: sample::descriptor().clone(),
        mode,
        device_name: "d".into(),
        machine: "m".into(),
        owner: (0, 0),
    });
    opened.map_err(|error| error.to_string()).ok()
}

/// A name, what it stands for, and the first bytes of a file that can be read.
type Found = (Vec<u8>, Attributes, Option<Vec<u8>>);

/// What was seen while mounted is what was published.
fn compare(before: &[Found], after: &[Found]) {
    assert_eq!(before.len(), after.len());
    for (mounted, published) in before.iter().zip(after) {
        let told = |(name, attributes, _): &Found| {
            let Attributes { ino, kind, mode, uid, gid, nlink, size, mtime, .. } = *attributes;
            (name.clone(), ino, kind, mode, uid, gid, nlink, size, mtime)
        };
        assert_eq!(told(mounted), told(published));
        assert!(mounted.2.is_none() || mounted.2 == published.2, "content of {mounted:?}");
    }
}

/// Everything with a name.
fn walk(files: &FileSystem) -> Vec<Found> {
    let mut out = Vec::new();
    let mut folders = vec![Ino::ROOT];
    while let Some(folder) = folders.pop() {
        let mut found = Vec::new();
        let listed = files.list(folder, 0, &mut |entry| {
            if !matches!(entry.name, b"." | b"..") {
                found.push((entry.name.to_vec(), entry.attributes));
            }
            true
        });
        listed.unwrap();
        for (name, attributes) in found {
            let mut content = None;
            match attributes.kind {
                FileKind::Folder => folders.push(attributes.ino),
                FileKind::File => {
                    let mut plain = vec![0; READ_BYTES.min(attributes.size as usize)];
                    let read = files.read(attributes.ino, 0, &mut plain);
                    content = read.ok().map(|bytes| plain[..bytes].to_vec());
                    let at = attributes.size.saturating_sub(5);
                    let _ = files.read(attributes.ino, at, &mut [0; 10]);
                }
                FileKind::Symlink => drop(files.read_link(attributes.ino).unwrap()),
                _ => {}
            }
            out.push((name, attributes, content));
        }
    }
    let _ = files.status();
    out.sort_by(|(a, x, _), (b, y, _)| (a, x.ino).cmp(&(b, y.ino)));
    out
}

/// What was published is whole, but for packs that only the journal named.
fn check_published(vault: &VaultFolder) {
    let listing = vault.listing().unwrap();
    let folded = fold(vault, &listing, sample::keys(), sample::chunk_size());
    assert!(folded.gaps.is_empty(), "{:?}", folded.gaps);
    let request = VerifyRequest {
        vault,
        listing: &listing,
        keys: sample::keys(),
        descriptor: sample::descriptor(),
        seen: Seen { frontier: folded.frontier.clone(), ..Seen::default() },
        identity: None,
        has_work: false,
    };
    let report = verify(&request, &mut |_| {}).unwrap();
    assert!(report.damaged.iter().all(|damaged| damaged.object.starts_with("data/")), "{report:?}");
}
