//! What of a vault's secrets is in the memory of a daemon that has its vault mounted: class keys in
//! their locked pages and nowhere else, of everything before them nothing (I6).
//!
//! Root can read the memory of a process that is not dumpable; what is found here is what an
//! image of the machine's memory, or a core forced by root, would show.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use hkdf::Hkdf;
use hushfs::crypto::{Nonce, SALT_BYTES, SlotId, SlotWrap, TAG_BYTES, VaultId};
use hushfs::format::RecoveryKey;
use rustix::fs::{XattrFlags, setxattr};
use sha2::Sha256;

use super::bench::{Bench, PASSWORD, is_root};
use super::secrecy::{at_every_time, everything_below, holds};

/// Where the parts of a slot are (docs/format.md).
const SLOT_VAULT_AT: usize = 24;
const SLOT_ID_AT: usize = SLOT_VAULT_AT + 16;
const SLOT_SALT_AT: usize = SLOT_ID_AT + 16;
const SLOT_BODY_AT: usize = SLOT_SALT_AT + 2 * SALT_BYTES;
const SLOT_BODY_BYTES: usize = 112;
const PAGE_BYTES: u64 = 4096;
/// Set on the root of a mount, it publishes.
const PUBLISH_ATTRIBUTE: &str = "system.hushfs.publish";

/// Bytes that must not be found, and what they are.
struct Secret {
    what: &'static str,
    bytes: Vec<u8>,
}

/// Where a secret was found, in a mapping as `/proc/PID/smaps` tells of it.
#[derive(Debug)]
struct Found {
    what: &'static str,
    address: u64,
    mapping: Mapping,
}

#[derive(Clone, Debug)]
struct Mapping {
    start: u64,
    end: u64,
    name: String,
    is_readable: bool,
    is_locked: bool,
    is_kept_out_of_cores: bool,
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().unwrap()
}

/// The master key, by way of the slot that the 64-digit key opens, and what wraps it there.
fn master_key(bench: &Bench, key: &RecoveryKey) -> ([u8; 32], [u8; 32], VaultId) {
    for slot in fs::read_dir(bench.vault().join("keys")).unwrap() {
        let bytes = fs::read(slot.unwrap().path()).unwrap();
        let vault = VaultId(array(&bytes, SLOT_VAULT_AT));
        let id = SlotId(array(&bytes, SLOT_ID_AT));
        let wrap = SlotWrap::new(key.secret(), &array(&bytes, SLOT_SALT_AT), &vault, &id);
        let (header, rest) = bytes.split_at(SLOT_BODY_AT);
        let mut body = [0; SLOT_BODY_BYTES];
        let sealed = &rest[..SLOT_BODY_BYTES + TAG_BYTES];
        if wrap.sealer().open_into(Nonce::at(0), header, sealed, &mut body).is_ok() {
            let hkdf =
                Hkdf::<Sha256>::new(Some(&bytes[SLOT_SALT_AT..][..32]), key.secret().bytes());
            let mut wrapping = [0; 32];
            let info: [&[u8]; 3] = [b"hushfs 1 slot wrap", &vault.0, &id.0];
            hkdf.expand_multi_info(&info, &mut wrapping).unwrap();
            return (array(&body, 0), wrapping, vault);
        }
    }
    panic!("no slot opens with the key");
}

/// What must be nowhere once a vault is unlocked: a password, a key, and what came of them. The
/// hex digits of each are searched as well. And what is kept: class keys, and for new slots the
/// master key.
fn secrets_before_unlocking(bench: &Bench) -> (Vec<Secret>, Vec<Secret>) {
    let text = fs::read_to_string(bench.key_file()).unwrap();
    let key = RecoveryKey::parse(&text).unwrap();
    let (master, wrapping, vault) = master_key(bench, &key);
    let secret = |what, bytes: &[u8]| Secret { what, bytes: bytes.to_vec() };
    let (extracted, hkdf) = Hkdf::<Sha256>::extract(Some(&vault.0), &master);
    let classes = ["descriptor", "log", "data", "journal", "trust", "slot note"];
    let class_keys = classes.map(|class| {
        let mut bytes = [0; 32];
        hkdf.expand(format!("hushfs 1 {class}").as_bytes(), &mut bytes).unwrap();
        secret(class, &bytes)
    });
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let digits: String = text.split_whitespace().collect();
    let groups: Vec<&str> = text.split_whitespace().collect();
    let before = vec![
        secret("the master key's digits", hex(&master).as_bytes()),
        secret("the master key's capital digits", hex(&master).to_uppercase().as_bytes()),
        secret("the key that wraps it", &wrapping),
        secret("the 64-digit key's bytes", key.secret().bytes()),
        secret("the 64 digits", digits.as_bytes()),
        secret("groups of the 64 digits", groups[..4].join(" ").as_bytes()),
        secret("the password", PASSWORD.as_bytes()),
        secret("what class keys are derived from", &extracted),
        secret("HMAC's inner state with that", &hmac_state(&extracted, 0x36)),
        secret("HMAC's outer state with that", &hmac_state(&extracted, 0x5C)),
    ];
    (before, class_keys.into_iter().chain([secret("the master key", &master)]).collect())
}

/// SHA-256's state after HMAC's first block, as it lies in memory: with it, all can be computed that
/// comes of the key.
fn hmac_state(key: &[u8], pad: u8) -> Vec<u8> {
    const START: [u32; 8] = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    let mut block = [pad; 64];
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
    let mut state = START;
    sha2::block_api::compress256(&mut state, &[block]);
    state.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// Every mapping of a process.
fn mappings(pid: u32) -> Vec<Mapping> {
    let smaps = fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap();
    let mut found: Vec<Mapping> = Vec::new();
    for line in smaps.lines() {
        let mut fields = line.split_whitespace();
        let first = fields.next().unwrap_or_default();
        if let Some((start, end)) = first.split_once('-') {
            let number = |text| u64::from_str_radix(text, 16).unwrap();
            found.push(Mapping {
                start: number(start),
                end: number(end),
                is_readable: fields.next().is_some_and(|rights| rights.starts_with('r')),
                name: fields.nth(3).unwrap_or_default().to_owned(),
                is_locked: false,
                is_kept_out_of_cores: false,
            });
        } else if first == "VmFlags:" {
            let last = found.last_mut().unwrap();
            let flags: Vec<_> = fields.collect();
            last.is_locked = flags.contains(&"lo");
            last.is_kept_out_of_cores = flags.contains(&"dd");
        }
    }
    found
}

/// Reads all of a process's memory and finds these secrets in it.
fn search(pid: u32, secrets: &[&Secret]) -> Vec<Found> {
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let (mut found, mut read_bytes) = (Vec::new(), 0);
    let mut firsts = [false; 256];
    secrets.iter().for_each(|secret| firsts[usize::from(secret.bytes[0])] = true);
    for mapping in mappings(pid) {
        // The kernel's own pages, and address space that nothing was ever in.
        if mapping.name.starts_with("[v") || !mapping.is_readable {
            continue;
        }
        let mut bytes = vec![0; (mapping.end - mapping.start) as usize];
        memory.read_exact_at(&mut bytes, mapping.start).unwrap();
        read_bytes += bytes.len();
        for (at, byte) in bytes.iter().enumerate() {
            if !firsts[usize::from(*byte)] {
                continue;
            }
            for Secret { what, bytes: secret } in secrets {
                if bytes[at..].starts_with(secret) {
                    let address = mapping.start + at as u64;
                    found.push(Found { what, address, mapping: mapping.clone() });
                }
            }
        }
    }
    assert!(read_bytes > 1 << 20, "{read_bytes} bytes are not all of its memory");
    found
}

/// Makes a mount work: write, sync, publish, read, be asked.
fn use_it(bench: &Bench) {
    for nth in 0..20 {
        fs::write(bench.at(format!("file-{nth}")), vec![b'x'; 100_000]).unwrap();
    }
    File::open(bench.at("file-3")).unwrap().sync_all().unwrap();
    bench.status();
    let (flags, anything) = (XattrFlags::empty(), b"1");
    setxattr(bench.mount_point(), PUBLISH_ATTRIBUTE, anything, flags).unwrap();
    for nth in 0..20 {
        assert_eq!(fs::read(bench.at(format!("file-{nth}"))).unwrap().len(), 100_000);
    }
    bench.status();
}

/// Checks a daemon whose vault was unlocked in some way, and gives what is known of where.
fn check_memory(bench: &Bench) {
    let (before, kept_keys) = secrets_before_unlocking(bench);
    let pid = bench.status().pid;
    use_it(bench);
    let found = search(pid, &before.iter().collect::<Vec<_>>());
    assert!(found.is_empty(), "in the daemon's memory: {found:#x?}");
    let found = search(pid, &kept_keys.iter().collect::<Vec<_>>());
    for key in &kept_keys {
        let places: Vec<&Found> = found.iter().filter(|place| place.what == key.what).collect();
        assert_eq!(places.len(), 1, "{}: {places:#x?}", key.what);
        let Found { address, mapping, .. } = places[0];
        // A page of its own has nothing before the key.
        assert_eq!(address % PAGE_BYTES, 0, "{:#x?}", places[0]);
        assert!(mapping.is_locked && mapping.is_kept_out_of_cores, "{:#x?}", places[0]);
    }
}

fn is_possible() -> bool {
    let must = std::env::var_os("HUSHFS_REQUIRE_FUSE").is_some_and(|value| value == "1");
    let is_root = is_root();
    assert!(is_root || !must, "only root can read a daemon's memory, and HUSHFS_REQUIRE_FUSE=1");
    is_root
}

#[test]
fn a_daemon_unlocked_with_a_key_keeps_nothing_but_its_own_keys_in_locked_pages() {
    if !is_possible() {
        return;
    }
    let Some(bench) = Bench::mounted() else { return };
    check_memory(&bench);
}

#[test]
fn a_daemon_unlocked_with_a_password_keeps_nothing_but_its_own_keys_in_locked_pages() {
    if !is_possible() {
        return;
    }
    let Some(bench) = Bench::empty() else { return };
    fs::write(bench.password_file(), format!("{PASSWORD}\n")).unwrap();
    let password_file = bench.password_file();
    let arguments = ["--password-file".as_ref(), password_file.as_os_str()];
    let made = bench.run("init", &arguments, |init| {
        init.args(["--yes", "--key-file"]).arg(bench.key_file()).arg(bench.vault());
    });
    assert!(made.status.success(), "{made:?}");
    let mounted = bench.run("mount", &arguments, |mount| {
        mount.arg("--state-dir").arg(bench.state()).arg(bench.vault()).arg(bench.mount_point());
    });
    assert!(mounted.status.success(), "{mounted:?}");
    bench.note_daemon(&bench.mount_point());
    check_memory(&bench);
}

#[test]
fn no_key_is_on_disk_while_mounted_after_a_crash_or_locked() {
    let Some(bench) = Bench::mounted() else { return };
    let (mut secrets, kept_keys) = secrets_before_unlocking(&bench);
    secrets.extend(kept_keys);
    let search = |when: &str| {
        let mut files = 0;
        for path in [bench.vault(), bench.state()].iter().flat_map(|at| everything_below(at)) {
            let Ok(bytes) = fs::read(&path) else { continue };
            files += 1;
            for Secret { what, bytes: secret } in &secrets {
                assert!(!holds(&bytes, secret), "{what}: {} {when}", path.display());
            }
        }
        assert!(files > 8, "{files} files");
    };
    use_it(&bench);
    fs::write(bench.at("waits"), "in the state folder").unwrap();
    at_every_time(&bench, search);
}

#[test]
fn the_state_that_is_searched_for_is_what_lies_in_memory() {
    let hkdf = Box::new(Hkdf::<Sha256>::from_prk(&[7; 32]).unwrap());
    let mut bytes = vec![0; size_of_val(&*hkdf)];
    let memory = File::open("/proc/self/mem").unwrap();
    memory.read_exact_at(&mut bytes, &raw const *hkdf as u64).unwrap();
    for pad in [0x36, 0x5C] {
        assert!(holds(&bytes, &hmac_state(&[7; 32], pad)), "{pad:#x}");
    }
}
