//! What must hold of every tree, whatever operations it was made of.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use hushfs::format::{ChunkSize, Ino, Operation, Operations, PackId, Run};
use hushfs::fs::{Attributes, FileKind};
use hushfs::tree::{ApplyError, Tree};

/// Past so many inodes a refused operation is not compared with the whole tree before it.
const COMPARED_INODES: u64 = 100;

/// All that can be seen of an inode.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    attributes: Attributes,
    target: Option<Vec<u8>>,
    xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    runs: Vec<Run>,
}

/// All that can be seen of a tree: names by folder, and what they stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    names: BTreeMap<(Ino, Vec<u8>), Ino>,
    inodes: BTreeMap<Ino, Seen>,
}

/// Looks at everything that has a name.
pub fn view(tree: &Tree) -> View {
    let mut view = View { names: BTreeMap::new(), inodes: BTreeMap::new() };
    let mut folders = vec![Ino::ROOT];
    view.inodes.insert(Ino::ROOT, seen(tree, Ino::ROOT));
    while let Some(folder) = folders.pop() {
        let mut subfolders = 0;
        let mut last_cookie = None;
        for (cookie, name, attributes) in tree.entries(folder, 0).unwrap() {
            assert!(last_cookie < Some(cookie), "cookies go up");
            last_cookie = Some(cookie);
            assert_eq!(tree.lookup(folder, name), Ok(attributes.ino));
            assert!(view.names.insert((folder, name.to_vec()), attributes.ino).is_none());
            if attributes.kind == FileKind::Folder {
                subfolders += 1;
                assert_eq!(tree.parent(attributes.ino), Ok(folder));
                assert!(!view.inodes.contains_key(&attributes.ino), "a folder has one name");
                folders.push(attributes.ino);
            }
            view.inodes.entry(attributes.ino).or_insert_with(|| seen(tree, attributes.ino));
        }
        assert_eq!(tree.attributes(folder).unwrap().nlink, 2 + subfolders);
    }
    view
}

fn seen(tree: &Tree, ino: Ino) -> Seen {
    let attributes = tree.attributes(ino).unwrap();
    let is_file = attributes.kind == FileKind::File;
    let xattrs = tree.xattrs(ino).unwrap();
    let runs = if is_file { tree.runs(ino, 0, u64::MAX).unwrap() } else { Vec::new() };
    Seen {
        attributes,
        target: tree.link_target(ino).ok().map(<[u8]>::to_vec),
        xattrs: xattrs.map(|(name, value)| (name.to_vec(), value.to_vec())).collect(),
        runs: joined(runs, tree.chunk_size()),
    }
}

/// Runs with those made one that go on where another ends.
fn joined(runs: Vec<Run>, chunk_size: ChunkSize) -> Vec<Run> {
    let mut out: Vec<Run> = Vec::new();
    for run in runs {
        let Some(last) = out.last_mut() else {
            out.push(run);
            continue;
        };
        assert!(last.first_chunk + u64::from(last.count) <= run.first_chunk, "runs do not overlap");
        let end = u64::from(last.pack_offset) + chunk_size.sealed_run_bytes(last.shape());
        let full = chunk_size.field();
        if last.first_chunk + u64::from(last.count) == run.first_chunk
            && last.pack == run.pack
            && (last.tail_bytes, last.visible_bytes) == (full, full)
            && end == u64::from(run.pack_offset)
        {
            last.count += run.count;
            (last.tail_bytes, last.visible_bytes) = (run.tail_bytes, run.visible_bytes);
        } else {
            out.push(run);
        }
    }
    out
}

/// Checks a tree in itself, and that its checkpoint makes the same tree again. `unnamed` are
/// inodes without a name that were not forgotten.
pub fn check(tree: &Tree, unnamed: &BTreeSet<Ino>) {
    let view = view(tree);
    let mut names: HashMap<Ino, u32> = HashMap::new();
    view.names.values().for_each(|ino| *names.entry(*ino).or_default() += 1);
    for (ino, seen) in view.inodes.iter().filter(|(ino, _)| **ino != Ino::ROOT) {
        if seen.attributes.kind != FileKind::Folder {
            assert_eq!(seen.attributes.nlink, names[ino]);
        }
        if let Some(path) = tree.path(*ino) {
            let found = path
                .split(|byte| *byte == b'/')
                .try_fold(Ino::ROOT, |folder, name| tree.lookup(folder, name));
            assert_eq!(found, Ok(*ino));
        } else {
            assert!(names[ino] >= 1 && seen.attributes.kind != FileKind::Folder);
        }
    }
    assert_eq!(tree.inode_count() + 1, (view.inodes.len() + unnamed.len()) as u64);
    for ino in unnamed {
        assert_eq!(tree.attributes(*ino).unwrap().nlink, 0);
        assert_eq!(tree.path(*ino), None);
    }
    check_content(tree);
    check_checkpoint(tree, &view);
}

fn check_content(tree: &Tree) {
    let chunk_size = tree.chunk_size();
    let mut live: HashMap<PackId, u64> = HashMap::new();
    let mut chunks = 0;
    for (ino, run) in tree.all_runs() {
        let size = tree.attributes(ino).unwrap().size;
        assert!(run.first_chunk + u64::from(run.count) <= chunk_size.count_for(size));
        assert!(run.count > 0 && (1..=chunk_size.field()).contains(&run.tail_bytes));
        assert!((1..=run.tail_bytes).contains(&run.visible_bytes));
        let sealed_bytes = chunk_size.sealed_run_bytes(run.shape());
        assert!(u64::from(run.pack_offset) + sealed_bytes <= u32::MAX.into());
        *live.entry(run.pack).or_default() += sealed_bytes;
        chunks += u64::from(run.count);
    }
    assert_eq!(tree.content_bytes(), chunk_size.start_of(chunks));
    for pack in tree.packs() {
        assert_eq!(pack.live_bytes, live.remove(&pack.id).unwrap_or(0));
    }
    assert!(live.is_empty());
}

fn check_checkpoint(tree: &Tree, expected: &View) {
    let (again, _) = from_checkpoint(tree);
    assert_eq!(&view(&again), expected);
    let (once_more, bytes) = from_checkpoint(&again);
    let mut same_bytes = Vec::new();
    once_more.encode_checkpoint(&mut same_bytes);
    assert_eq!(bytes, same_bytes);
}

fn from_checkpoint(tree: &Tree) -> (Tree, Vec<u8>) {
    let mut bytes = Vec::new();
    tree.encode_checkpoint(&mut bytes);
    let mut again = Tree::new(tree.chunk_size());
    for operation in Operations::new(&bytes) {
        assert_eq!(again.apply(&operation.unwrap()), Ok(None));
    }
    (again, bytes)
}

/// Applies operations one after the other, past those that do not fit; of those, the tree shows
/// nothing. Inodes that lose their last name are forgotten, unless `keep` is told to keep them.
pub fn apply_all<'a>(
    tree: &mut Tree,
    operations: impl Iterator<Item = Operation<'a>>,
    mut keep: impl FnMut() -> bool,
) -> BTreeSet<Ino> {
    let mut unnamed = BTreeSet::new();
    for operation in operations {
        let before = (tree.inode_count() < COMPARED_INODES).then(|| view(tree));
        match tree.apply(&operation) {
            Ok(Some(gone)) if keep() => {
                unnamed.insert(gone);
            }
            Ok(Some(gone)) => tree.forget(gone),
            Ok(None) => {}
            Err(error) => {
                let _ = error.to_string();
                if let Some(before) = before {
                    assert_eq!(view(tree), before, "{operation:?}: {error}");
                }
                assert!(
                    error != ApplyError::NoInode(Ino::ROOT),
                    "the root is always there: {operation:?}"
                );
            }
        }
    }
    unnamed
}
