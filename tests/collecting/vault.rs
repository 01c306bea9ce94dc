//! What a vault folder holds.

use std::path::Path;

use super::bench::Bench;
use super::files::files_below;

/// Bytes and number of a vault's packs, log objects and checkpoints.
#[derive(Debug)]
pub struct Objects {
    pub bytes: u64,
    pub packs: usize,
    pub logs: usize,
}

impl Objects {
    pub fn of(vault: &Path) -> Self {
        let files = files_below(vault);
        let is_pack = |(path, _): &(&String, &Vec<u8>)| path.ends_with(".pack");
        let is_log =
            |(path, _): &(&String, &Vec<u8>)| path.ends_with(".log") || path.ends_with(".ckpt");
        let packs: Vec<_> = files.iter().filter(is_pack).collect();
        let logs: Vec<_> = files.iter().filter(is_log).collect();
        let bytes = packs.iter().chain(&logs).map(|(_, content)| content.len() as u64).sum();
        Self { bytes, packs: packs.len(), logs: logs.len() }
    }

    pub fn count(&self) -> usize {
        self.packs + self.logs
    }
}

/// The program finds the vault whole, and a device that has never seen it reads these files.
pub fn assert_holds(bench: &Bench, files: &[(&str, &[u8])]) {
    bench.verify().expect(0, &[]);
    let state = format!("state of a new device {}", rand::random::<u64>());
    let device = bench.device_at(&state);
    for (path, content) in files {
        let mut read = vec![0; content.len() + 1];
        let bytes = device.files.read(device.ino(path), 0, &mut read).unwrap();
        assert!(read[..bytes] == **content, "{path}");
    }
}
