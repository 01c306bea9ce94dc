//! Journal files of any bytes.
#![no_main]

use std::path::Path;

use hushfs::journal::read_journal;
use hushfs_fuzz::disk::MemoryDisk;
use hushfs_fuzz::input::Input;
use hushfs_fuzz::sample;
use libfuzzer_sys::fuzz_target;

const FILES_MAX: usize = 4;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let disk = MemoryDisk::new();
    disk.put_folder("/state");
    let published = input.u64();
    for nth in 0..FILES_MAX {
        let name = match input.u8() {
            0xFF => String::from_utf8_lossy(input.bytes()).replace('/', "-"),
            _ => nth.to_string(),
        };
        disk.put_file(format!("/state/journal-{name}"), input.bytes());
    }
    let replay = read_journal(&disk, Path::new("/state"), sample::keys(), published);
    if let Ok(replay) = replay {
        let bodies: usize =
            replay.generations.iter().flat_map(|g| &g.records).map(|(_, body)| body.len()).sum();
        assert!(bodies <= data.len() * FILES_MAX);
        let _ = (replay.has_records(), replay.damaged);
    }
});
