//! Sync clients, and what they make of the names of files and folders.

/// Where an object is after a client has renamed it, given its folder, stem and extension.
type Rename = fn(&str, &str, &str) -> String;

pub const RENAMES: [(&str, Rename); 16] = [
    ("Google Drive", |folder, stem, end| format!("{folder}{stem} (1).{end}")),
    ("Google Drive, copied", |folder, stem, end| format!("{folder}Copy of {stem}.{end}")),
    ("Dropbox", |folder, stem, end| {
        format!("{folder}{stem} (Jo's conflicted copy 2026-01-31).{end}")
    }),
    ("Dropbox, case", |folder, stem, end| format!("{folder}{stem} (Case Conflict).{end}")),
    ("Nextcloud", |folder, stem, end| {
        format!("{folder}{stem} (conflicted copy 2026-07-10 070952).{end}")
    }),
    ("ownCloud", |folder, stem, end| format!("{folder}{stem}_conflict-jo-20260131-101010.{end}")),
    ("iCloud", |folder, stem, end| format!("{folder}{stem} 2.{end}")),
    ("OneDrive", |folder, stem, end| format!("{folder}{stem}-DESKTOP-7A2B.{end}")),
    ("Syncthing", |folder, stem, end| {
        format!("{folder}{stem}.sync-conflict-20260131-101010-ABCDEFG.{end}")
    }),
    ("rclone bisync", |folder, stem, end| format!("{folder}{stem}.{end}.conflict1")),
    ("extension lost", |folder, stem, _| format!("{folder}{stem}")),
    ("extension doubled", |folder, stem, end| format!("{folder}{stem}.{end}.{end}")),
    ("another extension", |folder, stem, _| format!("{folder}{stem}.txt")),
    ("upper case", |folder, stem, end| {
        format!("{folder}{}.{}", stem.to_uppercase(), end.to_uppercase())
    }),
    ("into the vault itself", |_, stem, end| format!("{stem} (2).{end}")),
    ("into another folder", |_, stem, end| format!("log/{stem} (3).{end}")),
];

/// What a folder is called after a client has renamed it.
type RenameFolder = fn(&str) -> String;

pub const FOLDER_RENAMES: [(&str, RenameFolder); 6] = [
    ("Google Drive", |folder| format!("{folder} (1)")),
    ("iCloud", |folder| format!("{folder} 2")),
    ("OneDrive", |folder| format!("{folder}-DESKTOP-7A2B")),
    ("Dropbox", |folder| format!("{folder} (Jo's conflicted copy 2026-01-31)")),
    ("Syncthing", |folder| format!("{folder}.sync-conflict-20260131-101010-ABCDEFG")),
    ("upper case", |folder| match folder.rsplit_once('/') {
        Some((above, name)) => format!("{above}/{}", name.to_uppercase()),
        None => folder.to_uppercase(),
    }),
];

/// Where the object `path` is after that renaming.
pub fn renamed(path: &str, rename: Rename) -> String {
    let (folder, name) =
        path.rsplit_once('/').map_or(("", path), |(folder, name)| (&path[..=folder.len()], name));
    let (stem, end) = name.rsplit_once('.').unwrap();
    rename(folder, stem, end)
}
