//! Makes the calls to a file system, and tells what came of them in the model's words.

use std::sync::atomic::{AtomicU64, Ordering};

use hushfs::format::{Ino, NodeKind, Time};
use hushfs::fs::{AttributeChange, Attributes, FileKind, FileSystem, FsError, NewNode};

use crate::checker::Recorded;
use crate::plain_model::{
    Call, FILE_MODE, FOLDER_MODE, Fault, Looks, Model, Name, Number, Outcome, UNIT_BYTES, letters,
};

/// Times that are set lie before this, so that no clock gives them.
const SET_TIME_MAX: i64 = 1_000_000;

/// One thread's calls.
pub struct Caller<'a> {
    pub thread: usize,
    pub fs: &'a FileSystem,
    /// Counts the moments of all threads.
    pub clock: &'a AtomicU64,
    pub calls: Vec<Recorded<Call, Outcome>>,
}

pub type History = crate::checker::History<Model>;

impl Caller<'_> {
    /// Makes a call and records it; gives the inode that it found or made.
    pub fn call(&mut self, call: Call) -> Option<(Number, bool)> {
        let started = self.clock.fetch_add(1, Ordering::SeqCst);
        let answer = answer(self.fs, &call);
        let ended = self.clock.fetch_add(1, Ordering::SeqCst);
        let outcome = answer.unwrap_or_else(|error| Outcome::Refused(Fault::from(error)));
        let found = match outcome {
            Outcome::Inode { number, is_folder } => Some((number, is_folder)),
            _ => None,
        };
        let thread = self.thread;
        self.calls.push(Recorded { thread, call, outcome, started, ended });
        found
    }
}

fn answer(fs: &FileSystem, call: &Call) -> Result<Outcome, FsError> {
    let bytes = |units: usize| (units * UNIT_BYTES) as u64;
    let mut letter_buffer = [0; 4];
    let mut name_of = |name: Name| name.encode_utf8(&mut letter_buffer).as_bytes().to_vec();
    match *call {
        Call::Lookup { folder, name } => fs.lookup(Ino(folder), &name_of(name)).map(inode),
        Call::Create { folder, name } => {
            fs.create(Ino(folder), &name_of(name), new_node(FILE_MODE)).map(inode)
        }
        Call::MakeFile { folder, name } => {
            fs.make(Ino(folder), &name_of(name), NodeKind::File, new_node(FILE_MODE)).map(inode)
        }
        Call::MakeFolder { folder, name } => {
            let new = new_node(FOLDER_MODE);
            fs.make(Ino(folder), &name_of(name), NodeKind::Folder, new).map(inode)
        }
        Call::Link { number, folder, name } => {
            fs.link(Ino(number), Ino(folder), &name_of(name)).map(|_| Outcome::Done)
        }
        Call::Unlink { folder, name } => fs.unlink(Ino(folder), &name_of(name)).map(done),
        Call::RemoveFolder { folder, name } => {
            fs.remove_folder(Ino(folder), &name_of(name)).map(done)
        }
        Call::Rename { from, to, mode } => {
            let (from_name, to_name) = (name_of(from.1), name_of(to.1));
            fs.rename(Ino(from.0), &from_name, Ino(to.0), &to_name, mode).map(done)
        }
        Call::List { folder } => {
            let mut entries = std::collections::BTreeMap::new();
            let mut add = |name: &[u8], ino: Ino| {
                let name = char::from(name[0]);
                assert!(name == '.' || entries.insert(name, ino.0).is_none(), "listed twice");
            };
            fs.list(Ino(folder), 0, &mut |entry| {
                add(entry.name, entry.attributes.ino);
                true
            })?;
            Ok(Outcome::Entries(entries))
        }
        Call::Attributes { number } => fs.attributes(Ino(number)).map(looks),
        Call::SetAttributes { number, mode, units, mtime } => {
            let mtime = mtime.map(|secs| Time { secs, nanos: 0 });
            let change =
                AttributeChange { mode, size: units.map(bytes), mtime, ..Default::default() };
            fs.set_attributes(Ino(number), &change).map(looks)
        }
        Call::SetXattr { number, name, value, mode } => {
            fs.set_xattr(Ino(number), &xattr_name(name), &[value], mode).map(done)
        }
        Call::Xattr { number, name } => {
            fs.xattr(Ino(number), &xattr_name(name)).map(|value| Outcome::Value(value[0]))
        }
        Call::XattrNames { number } => fs.xattr_names(Ino(number)).map(|names| {
            let ends = names.split(|byte| *byte == 0).filter_map(|name| name.last());
            Outcome::Names(ends.map(|letter| char::from(*letter)).collect())
        }),
        Call::RemoveXattr { number, name } => {
            fs.remove_xattr(Ino(number), &xattr_name(name)).map(done)
        }
        Call::Open { number } => fs.open(Ino(number)).map(done),
        Call::Release { number } => {
            fs.release(Ino(number));
            Ok(Outcome::Done)
        }
        Call::Write { number, unit, units, letter } => {
            let data = vec![letter; units * UNIT_BYTES];
            fs.write(Ino(number), bytes(unit), &data, false).map(done)
        }
        Call::Read { number, unit, units } => {
            let mut out = vec![0xEE; units * UNIT_BYTES];
            let count = fs.read(Ino(number), bytes(unit), &mut out)?;
            Ok(Outcome::Content(letters(&out[..count])))
        }
        Call::Allocate { number, mode, unit, units } => {
            fs.allocate(Ino(number), mode, bytes(unit), bytes(units)).map(done)
        }
    }
}

fn new_node(mode: u32) -> NewNode {
    NewNode { mode, umask: 0, uid: 0, gid: 0 }
}

fn done((): ()) -> Outcome {
    Outcome::Done
}

fn inode(found: Attributes) -> Outcome {
    Outcome::Inode { number: found.ino.0, is_folder: found.kind == FileKind::Folder }
}

fn looks(found: Attributes) -> Outcome {
    Outcome::Attributes(Looks {
        number: found.ino.0,
        is_folder: found.kind == FileKind::Folder,
        mode: found.mode,
        nlink: found.nlink,
        units: found.size as usize / UNIT_BYTES,
        mtime: (found.mtime.secs < SET_TIME_MAX).then_some(found.mtime.secs),
    })
}

fn xattr_name(name: Name) -> Vec<u8> {
    format!("user.{name}").into_bytes()
}
