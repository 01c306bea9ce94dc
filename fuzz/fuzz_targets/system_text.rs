//! Texts of the system that other users have a say in: mounts, mappings, fusermount's words.
#![no_main]

use std::path::Path;

use hushfs_fuzz::input::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    match input.choice(3) {
        0 => {
            let mounts = hushfs::fuse::fuzzing::parse_mount_info(input.rest());
            for mount in mounts.clone() {
                let top = hushfs::fuse::fuzzing::topmost_at(mounts.clone(), &mount.mount_point);
                assert!(top.is_none_or(|top| top.mount_point == mount.mount_point));
                let _ = mount.is_hushfs();
            }
            let _ = hushfs::fuse::fuzzing::topmost_at(mounts, Path::new("/"));
        }
        1 => {
            let device = (input.u32(), input.u32());
            let text = String::from_utf8_lossy(input.rest());
            let _ = hushfs::cli::fuzzing::mapped(&text, device);
        }
        _ => drop(hushfs::fuse::fuzzing::words(input.rest())),
    }
});
