//! Two devices that changed the vault without knowing of each other.

use std::fs;
use std::path::Path;

use rustix::io::Errno;

use super::bench::{Bench, said};
use super::device::{Device, writers};

/// Copies what is only in `from` into `to`, as a sync client does.
fn sync(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let from = entry.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            sync(&from, &to);
        } else if !to.exists() {
            fs::copy(from, to).unwrap();
        }
    }
}

#[test]
fn a_mount_of_concurrent_changes_says_so_and_is_readable_and_read_only() {
    let Some(bench) = Bench::new() else { return };
    let other_vault = bench.folder().join("other vault");
    let one = Device::new(&bench, "state-one");
    let other = Device::new(&bench, "state-other").with_vault(&other_vault);
    one.turn(|folder| fs::write(folder.join("shared"), "both know this").unwrap());
    sync(&bench.vault(), &other_vault);
    one.turn(|folder| fs::write(folder.join("of one"), vec![1; 100_000]).unwrap());
    other.turn(|folder| fs::write(folder.join("of the other"), vec![2; 100_000]).unwrap());
    sync(&bench.vault(), &other_vault);
    sync(&other_vault, &bench.vault());
    assert_eq!(writers(&bench.vault()).len(), 2);

    for device in [&one, &other] {
        let (code, text) = said(&device.try_mount());
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("changed the vault at the same time"), "{text}");
        assert!(text.contains("mounted read-only"), "{text}");
        let status = bench.status();
        assert!(status.read_only.unwrap().contains("at the same time"));
        assert_eq!(fs::read_to_string(bench.at("shared")).unwrap(), "both know this");
        let shown: Vec<_> = [("of one", 1), ("of the other", 2)]
            .into_iter()
            .filter_map(|(name, byte)| Some((fs::read(bench.at(name)).ok()?, byte)))
            .collect();
        assert_eq!(shown.len(), 1, "one of both is shown");
        assert!(shown.iter().all(|(content, byte)| *content == vec![*byte; 100_000]));
        let refused = [
            fs::write(bench.at("new"), "x").unwrap_err(),
            fs::write(bench.at("shared"), "x").unwrap_err(),
            fs::remove_file(bench.at("shared")).unwrap_err(),
        ];
        for error in refused {
            assert_eq!(Errno::from_io_error(&error), Some(Errno::ROFS), "{error}");
        }
        device.unmount();
    }
}
