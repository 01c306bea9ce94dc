//! Random changes.

use hushfs::format::{Ino, NodeKind};
use hushfs::fs::{AttributeChange, FileKind, RenameMode, XattrMode};

use crate::bench::device::{Device, content};
use crate::dice::Dice;
use crate::shown::{self, Entry};

/// Does one thing to what a device shows; names are few, so that devices meet.
pub fn step(dice: &mut Dice, device: &Device) {
    let files = &device.files;
    let shown = shown::of(files);
    let all: Vec<(&String, &Entry)> = shown.iter().collect();
    let pick = |dice: &mut Dice, wanted: &dyn Fn(&Entry) -> bool| {
        let fitting: Vec<_> = all.iter().filter(|(_, entry)| wanted(entry)).collect();
        let nth = dice.below(fitting.len().max(1) as u64) as usize;
        fitting.get(nth).map(|(path, entry)| ((*path).clone(), (*entry).clone()))
    };
    let any = |_: &Entry| true;
    let is_file = |entry: &Entry| entry.kind == FileKind::File;
    let is_folder = |entry: &Entry| entry.kind == FileKind::Folder;
    let folder = match dice.coin() {
        true => {
            pick(dice, &is_folder).map_or((Ino::ROOT, String::new()), |(path, it)| (it.ino, path))
        }
        false => (Ino::ROOT, String::new()),
    };
    let name = ["a", "b", "c.txt", "d"][dice.below(4) as usize];
    let bytes = 1 + dice.below(20_000) as usize;
    let new = content(dice.next() as u32, bytes);
    match dice.below(12) {
        0..=2 => {
            if files.lookup(folder.0, name.as_bytes()).is_err() {
                device.file(format!("{}/{name}", folder.1), &new);
            }
        }
        3 => {
            if files.lookup(folder.0, name.as_bytes()).is_err() {
                device.make(format!("{}/{name}", folder.1), NodeKind::Folder);
            }
        }
        4 | 5 => {
            let Some((path, _)) = pick(dice, &any) else { return };
            let (from, old) = device.split(path.as_bytes());
            let mode = if dice.below(6) == 0 { RenameMode::Exchange } else { RenameMode::Replace };
            // Into itself, onto a full folder and the like are refused.
            let _ = files.rename(from, old, folder.0, name.as_bytes(), mode);
        }
        6 | 7 => {
            let Some((path, entry)) = pick(dice, &any) else { return };
            let (from, old) = device.split(path.as_bytes());
            let _ = match entry.kind {
                FileKind::Folder => files.remove_folder(from, old),
                _ => files.unlink(from, old),
            };
        }
        8 | 9 => {
            let Some((_, entry)) = pick(dice, &is_file) else { return };
            let at = dice.below(20_000);
            files.write(entry.ino, at, &new, false).unwrap();
            files.close(entry.ino).unwrap();
        }
        10 => {
            let Some((_, entry)) = pick(dice, &is_file) else { return };
            let _ = files.link(entry.ino, folder.0, name.as_bytes());
        }
        _ => {
            let Some((_, entry)) = pick(dice, &any) else { return };
            match dice.below(3) {
                0 => {
                    let mode = Some(0o600 + dice.below(0o200) as u32);
                    let change = AttributeChange { mode, ..AttributeChange::default() };
                    files.set_attributes(entry.ino, &change).unwrap();
                }
                1 => {
                    let value = new[..new.len().min(20)].to_vec();
                    files.set_xattr(entry.ino, b"user.x", &value, XattrMode::Set).unwrap();
                }
                _ if entry.kind == FileKind::File => {
                    let size = Some(dice.below(30_000));
                    let change = AttributeChange { size, ..AttributeChange::default() };
                    files.set_attributes(entry.ino, &change).unwrap();
                    files.close(entry.ino).unwrap();
                }
                _ => {}
            }
        }
    }
}
