//! What requests on the history folder are answered.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use fuser::{Errno, OpenAccMode, OpenFlags};

use super::numbers::{Node, Numbers};
use super::trees::Trees;
use crate::format::{Ino, LogHash, NAME_BYTES_MAX, Time};
use crate::fs::{Attributes, FileKind, FileSystem, FolderEntry, When};

/// In the root of a mount; it is never listed there.
const TOP_NAME: &[u8] = b".hushfs";
/// In that, the states.
const STATES_NAME: &[u8] = b"history";
/// Earlier states may have let in whom the present one does not: only who has mounted it gets there.
const FOLDER_MODE: u32 = 0o500;

/// Takes an entry of a folder, as what comes after the cookie before it; says whether there was room.
type Add<'a> = dyn FnMut(u64, &[u8], Node, Attributes) -> bool + 'a;

/// The history folder of a mount.
#[derive(Debug)]
pub(crate) struct HistoryFolder {
    is_shown: bool,
    numbers: Numbers,
    trees: Trees,
    owner: (u32, u32),
    since: Time,
}

/// A file or folder of an earlier state.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The vault as it was.
    pub(crate) files: Arc<FileSystem>,
    /// Its number there.
    pub(crate) ino: Ino,
}

impl HistoryFolder {
    /// For a mount made just now, by this process and its user.
    pub(crate) fn new(is_shown: bool) -> Self {
        let owner = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let (numbers, trees) = Default::default();
        Self { is_shown, numbers, trees, owner, since: Time::now() }
    }

    /// The path of the folder that shows a state, from the root of the mount; `None` if this mount shows
    /// none, `Err` says why there is no such state.
    pub(crate) fn path_of(
        &self,
        files: &FileSystem,
        when: &When,
    ) -> Result<Option<String>, String> {
        if !self.is_shown || files.lookup(Ino::ROOT, TOP_NAME).is_ok() {
            return Ok(None);
        }
        let failed = |error: Errno| std::io::Error::from_raw_os_error(error.code()).to_string();
        let listed = self.trees.listed(files).map_err(failed)?;
        let name = listed.name_of(when)?;
        let folders = [TOP_NAME, STATES_NAME].map(String::from_utf8_lossy);
        Ok(Some(format!("{}/{}/{name}", folders[0], folders[1])))
    }

    /// Whether a number is one of the history's.
    pub(crate) fn has(&self, number: Ino) -> bool {
        self.numbers.node(number).is_some()
    }

    /// Whether a name in a folder is that of the history folder, or within it.
    pub(crate) fn holds(&self, files: &FileSystem, parent: Ino, name: &OsStr) -> bool {
        let is_top = parent == Ino::ROOT && name.as_bytes() == TOP_NAME;
        self.has(parent) || self.is_shown && is_top && files.lookup(parent, TOP_NAME).is_err()
    }

    /// The kernel forgets a number.
    pub(crate) fn forget(&self, number: Ino, times: u64) {
        self.numbers.forget(number, times);
    }

    /// What a name stands for; `None` where that is for the mount itself to say. What has the name of
    /// the history folder in the vault itself comes first.
    pub(crate) fn lookup(
        &self,
        files: &FileSystem,
        parent: Ino,
        name: &OsStr,
    ) -> Option<Result<Attributes, Errno>> {
        if !self.holds(files, parent, name) {
            return None;
        }
        let node = match self.numbers.node(parent) {
            None => Ok(Node::Top),
            Some(node) => self.below(files, node, name.as_bytes()),
        };
        Some(node.and_then(|node| {
            let attributes = self.attributes_of(files, node)?;
            self.numbers.remember(node);
            Ok(attributes)
        }))
    }

    fn below(&self, files: &FileSystem, node: Node, name: &[u8]) -> Result<Node, Errno> {
        if name.len() > NAME_BYTES_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        match (node, name) {
            (node, b".") => Ok(node),
            (node, b"..") => self.parent(files, node),
            (Node::Top, STATES_NAME) => Ok(Node::States),
            (Node::Top, _) => Err(Errno::ENOENT),
            (Node::States, name) => {
                let name = std::str::from_utf8(name).map_err(|_| Errno::ENOENT)?;
                let state = self.trees.listed(files)?.named(name);
                state.map(Node::State).ok_or(Errno::ENOENT)
            }
            (Node::State(_) | Node::In(..), name) => {
                let (state, ino) = place(node).ok_or(Errno::ENOENT)?;
                let found = self.trees.files(files, state)?.lookup(ino, name)?;
                Ok(Node::In(state, found.ino))
            }
        }
    }

    /// The folder that a folder is in. Above the topmost there is none of these: it gives itself.
    fn parent(&self, files: &FileSystem, node: Node) -> Result<Node, Errno> {
        match node {
            Node::Top | Node::States => Ok(Node::Top),
            Node::State(_) => Ok(Node::States),
            Node::In(state, ino) => {
                let parent = self.trees.files(files, state)?.lookup(ino, b"..")?;
                Ok(node_of(state, parent.ino))
            }
        }
    }

    /// Attributes, with the number that the mount shows.
    fn attributes_of(&self, files: &FileSystem, node: Node) -> Result<Attributes, Errno> {
        let time = match node {
            Node::In(state, ino) => {
                let attributes = self.trees.files(files, state)?.attributes(ino)?;
                return Ok(Attributes { ino: node.number(), ..attributes });
            }
            // Without opening the state: who lists all of them opens none.
            Node::State(state) => {
                let listed = self.trees.listed(files)?;
                listed.state(state).ok_or(Errno::ESTALE)?.published
            }
            Node::Top | Node::States => self.since,
        };
        Ok(Attributes {
            ino: node.number(),
            kind: FileKind::Folder,
            mode: FOLDER_MODE,
            uid: self.owner.0,
            gid: self.owner.1,
            // How many folders are in it is not told.
            nlink: 1,
            size: 0,
            blocks: 0,
            rdev: 0,
            atime: time,
            mtime: time,
            ctime: time,
        })
    }

    /// What `stat` tells, if a number is one of these.
    pub(crate) fn attributes(
        &self,
        files: &FileSystem,
        number: Ino,
    ) -> Option<Result<Attributes, Errno>> {
        Some(self.attributes_of(files, self.numbers.node(number)?))
    }

    /// A file or folder of an earlier state, if a number is one of these. The folders around the
    /// states are none.
    pub(crate) fn shown(&self, files: &FileSystem, number: Ino) -> Option<Result<Shown, Errno>> {
        let node = self.numbers.node(number)?;
        Some(match place(node) {
            Some((state, ino)) => self.trees.files(files, state).map(|files| Shown { files, ino }),
            None => Err(Errno::NO_XATTR),
        })
    }

    /// Checks that a file is opened for reading alone.
    ///
    /// # Errors
    /// `EROFS`.
    pub(crate) fn check_open(flags: OpenFlags) -> Result<(), Errno> {
        let reads = flags.acc_mode() == OpenAccMode::O_RDONLY && flags.0 & libc::O_TRUNC == 0;
        reads.then_some(()).ok_or(Errno::EROFS)
    }

    /// Lists a folder after `cookie` until `add` says that there is no more room. With `is_told` the
    /// kernel remembers what is added.
    pub(crate) fn list(
        &self,
        files: &FileSystem,
        number: Ino,
        cookie: u64,
        is_told: bool,
        add: &mut dyn FnMut(&FolderEntry<'_>) -> bool,
    ) -> Option<Result<(), Errno>> {
        let node = self.numbers.node(number)?;
        let mut add_node = |cookie: u64, name: &[u8], node: Node, attributes: Attributes| {
            let is_added = add(&FolderEntry { cookie, name, attributes });
            if is_added && is_told && name != b"." && name != b".." {
                self.numbers.remember(node);
            }
            is_added
        };
        Some(match place(node) {
            Some((state, ino)) => self.list_in(files, state, ino, cookie, &mut add_node),
            None => self.list_around(files, node, cookie, &mut add_node),
        })
    }

    fn list_in(
        &self,
        files: &FileSystem,
        state: LogHash,
        ino: Ino,
        cookie: u64,
        add: &mut Add<'_>,
    ) -> Result<(), Errno> {
        let past = self.trees.files(files, state)?;
        Ok(past.list(ino, cookie, &mut |entry| {
            let node = node_of(state, entry.attributes.ino);
            let attributes = Attributes { ino: node.number(), ..entry.attributes };
            add(entry.cookie, entry.name, node, attributes)
        })?)
    }

    /// Lists one of the folders around the states.
    fn list_around(
        &self,
        files: &FileSystem,
        node: Node,
        cookie: u64,
        add: &mut Add<'_>,
    ) -> Result<(), Errno> {
        let parent = self.parent(files, node)?;
        let mut entries = vec![(b".".to_vec(), node), (b"..".to_vec(), parent)];
        match node {
            Node::Top => entries.push((STATES_NAME.to_vec(), Node::States)),
            _ => {
                let listed = self.trees.listed(files)?;
                let states = listed.names.iter();
                entries.extend(
                    states.map(|(name, state)| (name.clone().into_bytes(), Node::State(*state))),
                );
            }
        }
        let after = usize::try_from(cookie).unwrap_or(usize::MAX);
        for (at, (name, node)) in entries.iter().enumerate().skip(after) {
            let attributes = self.attributes_of(files, *node)?;
            if !add(at as u64 + 1, name, *node, attributes) {
                break;
            }
        }
        Ok(())
    }
}

/// The state that a node is in, and its number there.
fn place(node: Node) -> Option<(LogHash, Ino)> {
    match node {
        Node::Top | Node::States => None,
        Node::State(state) => Some((state, Ino::ROOT)),
        Node::In(state, ino) => Some((state, ino)),
    }
}

fn node_of(state: LogHash, ino: Ino) -> Node {
    if ino == Ino::ROOT { Node::State(state) } else { Node::In(state, ino) }
}
