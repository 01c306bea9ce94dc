//! Packs that are authentic, and tell what cannot be.

use std::fs;

use hushfs::format::{
    DeviceId, Footer, FooterFile, FooterRun, Ino, PackHeader, PackId, PackSealer, Time, pack_path,
};

use crate::wreck::Wreck;

fn run(first_chunk: u64, count: u32, pack_offset: u32, tail_bytes: u32) -> FooterRun {
    FooterRun { first_chunk, count, pack_offset, tail_bytes }
}

/// Puts a pack with one sealed chunk, `content`, and these files into the vault.
fn put_pack(wreck: &Wreck, files: Vec<FooterFile>, content: &[u8]) {
    let keys = wreck.unlocked().keys;
    let id = PackId::random();
    let sealer = PackSealer::new(&keys, PackHeader::of(id));
    let mut bytes = sealer.header().0.to_vec();
    let mut sealed = vec![0; content.len() + 16];
    sealer.seal_chunk(32, content, &mut sealed);
    bytes.append(&mut sealed);
    let footer = Footer { device: DeviceId(1), closed: Time::now(), files };
    bytes.extend_from_slice(&sealer.seal_footer(&footer, bytes.len() as u64));
    let path = wreck.vault().join(pack_path(id));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn no_path_leads_out_of_the_destination() {
    let wreck = Wreck::new();
    wreck.lose_the_log();
    let long = [b'n'; 256];
    let paths: [&[u8]; 10] = [
        b"../../escaped",
        b"/tmp/hushfs-escaped",
        b"chats/../../escaped",
        b"a//b",
        b".",
        b"..",
        b"nul\0nul",
        b"trailing/",
        b"",
        &long,
    ];
    let time = Time { secs: i64::MIN, nanos: u32::MAX };
    for (nth, path) in paths.into_iter().enumerate() {
        let file = FooterFile {
            ino: Ino(1000 + nth as u64),
            path: path.to_vec(),
            size: 3,
            mtime: time,
            runs: vec![run(0, 1, 32, 3)],
        };
        put_pack(&wreck, vec![file], b"abc");
    }
    let (said, found) = wreck.salvage();
    said.expect(0, &["its path cannot be one", "it had no name any more"]);
    let mut expected = wreck.files.clone();
    for (nth, name) in [Some("escaped"), Some("hushfs-escaped"), Some("escaped"), Some("b")]
        .into_iter()
        .enumerate()
    {
        expected.insert(format!("lost+found/{:016x}-{}", 1000 + nth, name.unwrap()), b"abc".into());
    }
    for nth in 4..10 {
        expected.insert(format!("lost+found/{:016x}", 1000 + nth), b"abc".into());
    }
    assert!(found == expected, "{:?}", found.keys());
    assert!(!wreck.bench.place("escaped").exists());
    assert!(!std::path::Path::new("/tmp/hushfs-escaped").exists());
}

#[test]
fn numbers_that_cannot_be_are_left_out_and_named() {
    let wreck = Wreck::new();
    wreck.lose_the_log();
    let odd = [
        run(0, 0, 32, 3),
        run(u64::MAX, 1, 32, 3),
        run(1 << 52, 1, 32, 3),
        run(0, u32::MAX, 32, 4096),
        run(0, 1, 0, 3),
        run(0, 1, u32::MAX, 3),
        run(0, 1, 32, 0),
        run(0, 1, 32, 5000),
    ];
    let file = |ino, runs, size| FooterFile {
        ino: Ino(ino),
        path: format!("odd-{ino}").into_bytes(),
        size,
        mtime: Time::now(),
        runs,
    };
    let mut files: Vec<FooterFile> =
        odd.into_iter().zip(10..).map(|(run, ino)| file(ino, vec![run], 3)).collect();
    files.push(file(0, vec![run(0, 1, 32, 3)], 3));
    files.push(file(1, vec![run(0, 1, 32, 3)], 3));
    files.push(file(30, vec![run(0, 1, 32, 3), run(0, 0, 0, 0)], 3));
    put_pack(&wreck, files, b"abc");
    let (said, found) = wreck.salvage();
    said.expect(11, &["tells of a file 10: a run that cannot be", "tells of a file 1:"]);
    assert_eq!(found["odd-30"], b"abc");
    assert_eq!(found["odd-10.damaged"], [0; 3]);
    assert!(wreck.files.iter().all(|(path, bytes)| found[path] == *bytes));
}

#[test]
fn content_behind_the_end_of_a_file_does_not_come_back() {
    let wreck = Wreck::new();
    wreck.lose_the_log();
    let file = |size, runs| FooterFile {
        ino: Ino(77),
        path: b"cut".to_vec(),
        size,
        mtime: Time::now(),
        runs,
    };
    put_pack(&wreck, vec![file(2, vec![run(0, 1, 32, 3)])], b"abc");
    let (said, found) = wreck.salvage();
    said.expect(0, &[]);
    assert_eq!(found["cut"], b"ab");
}
