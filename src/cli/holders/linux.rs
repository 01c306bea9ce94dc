//! By what `/proc` shows of processes.

use std::fs;
use std::path::{Path, PathBuf};

use super::Holder;

/// The processes that hold a file, a working folder or a mapping below `mount_point`, whose file
/// system has this device number; of other users' processes only root sees what they hold.
pub(in crate::cli) fn holders(mount_point: &Path, device: (u32, u32)) -> Vec<Holder> {
    let Ok(processes) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut found: Vec<Holder> = processes
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let process = entry.path();
            let path = held_by(&process, mount_point, device)?;
            let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
            Some(Holder { pid, name: name.trim_end().to_owned(), path })
        })
        .collect();
    found.sort_by_key(|holder| holder.pid);
    found
}

/// Something below the mount point that the process holds. Links are read, not followed: to follow
/// them would be to ask the mount.
fn held_by(process: &Path, mount_point: &Path, device: (u32, u32)) -> Option<PathBuf> {
    let below = |link: PathBuf| {
        let target = fs::read_link(link).ok()?;
        target.starts_with(mount_point).then_some(target)
    };
    let descriptors = fs::read_dir(process.join("fd")).ok();
    ["cwd", "root", "exe"]
        .into_iter()
        .find_map(|link| below(process.join(link)))
        .or_else(|| descriptors?.flatten().find_map(|entry| below(entry.path())))
        .or_else(|| {
            let maps = fs::read(process.join("maps")).ok()?;
            mapped(&String::from_utf8_lossy(&maps), device)
        })
}

/// The first file of a file system in a list of mappings:
/// `start-end perms offset major:minor inode path`.
pub(in crate::cli) fn mapped(maps: &str, device: (u32, u32)) -> Option<PathBuf> {
    maps.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(3);
        let (major, minor) = fields.next()?.split_once(':')?;
        let number = |text| u32::from_str_radix(text, 16).ok();
        if (number(major)?, number(minor)?) != device {
            return None;
        }
        let path = line.find('/').map_or("", |at| &line[at..]);
        Some(PathBuf::from(path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_found_by_device_number() {
        let maps = "\
55d0-55d1 r--p 00000000 fe:00 1234                       /usr/bin/cat
7f00-7f01 rw-s 00000000 00:2f 99                         /mnt/my chats/a.db
";
        let found = mapped(maps, (0, 0x2f)).unwrap();
        assert_eq!(found, Path::new("/mnt/my chats/a.db"));
        assert_eq!(mapped(maps, (0, 0x2e)), None);
    }

    #[test]
    fn a_process_with_its_folder_there_is_found() {
        let here = std::env::current_dir().unwrap();
        let found = holders(&here, (u32::MAX, 0));
        let me = found.iter().find(|h| h.pid == std::process::id()).unwrap();
        assert_eq!(me.path, here);
        assert!(!me.name.is_empty());
    }
}
