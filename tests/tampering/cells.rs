//! Which objects are tampered with, and in which ways.

use std::ops::Range;

use hushfs::cli::args::UnlockArgs;

use crate::image::Edit;
use crate::make::Subject;
use crate::{packs, slots, state_folder};

/// One vault that is whole but for this.
pub struct Case {
    pub label: String,
    pub edits: Vec<Edit>,
    /// Paths of the objects that are not what they were: each is to be named.
    pub named: Vec<String>,
    /// Paths of objects that may be named instead.
    pub or_named: Vec<String>,
    /// The state that is left where the log ends before the object.
    pub state_before: Option<usize>,
    /// Content of another history of the same device may show.
    pub forked: bool,
    /// Unlocks the vault, if not the key of a slot that nobody touches.
    pub unlock: Option<fn(&Subject) -> UnlockArgs>,
    /// Nothing is missing under any name, so that it makes no difference whether a machine has
    /// seen the vault before.
    pub in_place: bool,
    /// Opens the slot that is tampered with.
    pub own: Option<fn(&Subject) -> UnlockArgs>,
}

impl Case {
    pub fn new(label: impl Into<String>, edits: Vec<Edit>) -> Self {
        let named = edits.iter().map(|edit| edit.path().to_owned()).collect();
        Self {
            label: label.into(),
            edits,
            named,
            or_named: Vec::new(),
            state_before: None,
            forked: false,
            unlock: None,
            in_place: false,
            own: None,
        }
    }

    pub fn how(&self, subject: &Subject) -> UnlockArgs {
        self.unlock.map_or_else(|| subject.with_second_key(), |unlock| unlock(subject))
    }

    /// Whether a sentence names one of the objects.
    pub fn is_named_by(&self, sentence: &str) -> bool {
        let is_journal = sentence.contains("the journal in the state folder is damaged");
        self.named.iter().chain(&self.or_named).any(|name| {
            let path = name.split_once('/').unwrap().1;
            let name = path.rsplit('/').next().unwrap();
            sentence.contains(name) || (name.starts_with("journal-") && is_journal)
        })
    }
}

/// All cases of one way to tamper with one kind of object.
pub struct Cell {
    pub object: &'static str,
    pub tampering: &'static str,
    pub cases: Vec<Case>,
}

pub const FLIPPED: &str = "a bit flipped";
pub const CUT: &str = "cut";
pub const EMPTIED: &str = "emptied";
pub const EXTENDED: &str = "extended";
pub const SWAPPED: &str = "swapped";
pub const OLDER: &str = "an older one in its place";
pub const RENAMED: &str = "renamed";
pub const DUPLICATED: &str = "duplicated";
pub const DELETED: &str = "deleted";
pub const FOREIGN: &str = "another vault’s in its place";

/// Collects the cells of one kind of object.
pub struct Kind<'a> {
    pub subject: &'a Subject,
    pub object: &'static str,
    pub path: String,
    pub cells: Vec<Cell>,
    prepare: Box<dyn Fn(&mut Case) + 'a>,
}

impl<'a> Kind<'a> {
    pub fn new(subject: &'a Subject, object: &'static str, path: &str) -> Self {
        let path = path.to_owned();
        Self { subject, object, path, cells: Vec::new(), prepare: Box::new(|_| {}) }
    }

    /// Every case is to be like that.
    pub fn each(mut self, prepare: impl Fn(&mut Case) + 'a) -> Self {
        self.prepare = Box::new(prepare);
        self
    }

    pub fn cell(&mut self, tampering: &'static str, mut cases: Vec<Case>) {
        cases.iter_mut().for_each(&self.prepare);
        let object = self.object;
        match self.cells.iter_mut().find(|cell| cell.tampering == tampering) {
            Some(cell) => cell.cases.append(&mut cases),
            None => self.cells.push(Cell { object, tampering, cases }),
        }
    }

    pub fn bytes(&self) -> &'a [u8] {
        self.subject.bytes(&self.path)
    }

    pub fn write(&self, path: &str, bytes: &[u8]) -> Edit {
        Edit::Write { path: path.to_owned(), bytes: bytes.to_vec() }
    }

    pub fn flips(&mut self, bits: impl Iterator<Item = usize>) {
        let case = |bit| {
            let path = self.path.clone();
            let label = format!("byte {} bit {}", bit / 8, bit % 8);
            Case { in_place: true, ..Case::new(label, vec![Edit::Flip { path, bit }]) }
        };
        let cases = bits.map(case).collect();
        self.cell(FLIPPED, cases);
    }

    /// Cut to each of these lengths, and to nothing.
    pub fn cuts(&mut self, lengths: impl Iterator<Item = usize>) {
        let cut = |length: usize| {
            let edits = vec![self.write(&self.path, &self.bytes()[..length])];
            Case { in_place: true, ..Case::new(format!("to {length}"), edits) }
        };
        let (cases, emptied) = (lengths.map(cut).collect(), vec![cut(0)]);
        self.cell(CUT, cases);
        self.cell(EMPTIED, emptied);
    }

    pub fn extensions(&mut self) {
        let bytes = self.bytes();
        let cases = [&[0][..], &[0xA5], &[0; 4096], bytes].map(|more| {
            let longer = [bytes, more].concat();
            Case::new(format!("by {}", more.len()), vec![self.write(&self.path, &longer)])
        });
        self.cell(EXTENDED, cases.into());
    }

    pub fn swaps(&mut self, others: &[&str]) {
        let swap = |other: &&str| {
            let there = self.subject.bytes(other);
            let edits = vec![self.write(&self.path, there), self.write(other, self.bytes())];
            Case::new(format!("with {other}"), edits)
        };
        let cases = others.iter().map(swap).collect();
        self.cell(SWAPPED, cases);
    }

    /// Other bytes under its name.
    pub fn replaced(&mut self, tampering: &'static str, by: &[&[u8]]) {
        let case = |(nth, bytes): (usize, &&[u8])| {
            assert_ne!(*bytes, self.bytes());
            Case::new(format!("by number {nth}"), vec![self.write(&self.path, bytes)])
        };
        let cases = by.iter().enumerate().map(case).collect();
        self.cell(tampering, cases);
    }

    /// Under each of these names instead of, and beside, its own.
    pub fn other_names(&mut self, names: &[String]) {
        let duplicate = |name: &String| {
            assert!(!self.subject.pristine.contains_key(name));
            Case::new(name.clone(), vec![self.write(name, self.bytes())])
        };
        let rename = |name: &String| {
            let removed = Edit::Remove { path: self.path.clone() };
            Case::new(name.clone(), vec![self.write(name, self.bytes()), removed])
        };
        let (duplicates, renames) =
            (names.iter().map(duplicate).collect(), names.iter().map(rename).collect());
        self.cell(RENAMED, renames);
        self.cell(DUPLICATED, duplicates);
    }

    pub fn deletion(&mut self) {
        let removed = Edit::Remove { path: self.path.clone() };
        self.cell(DELETED, vec![Case::new("deleted", vec![removed])]);
    }
}

/// `NAME (1).EXTENSION`, as sync clients call a copy.
pub fn copy_name(path: &str) -> String {
    let (stem, extension) = path.rsplit_once('.').unwrap();
    format!("{stem} (1).{extension}")
}

/// Every cell. With `every`, every bit of every object of a few hundred bytes is flipped; else
/// only those that differ from their neighbours in what they stand for, and one of each byte.
pub fn all(subject: &Subject, every: bool) -> Vec<Cell> {
    let mut cells = descriptor(subject);
    cells.extend(slots::cells(subject, every));
    cells.extend(logs(subject, every));
    cells.extend(packs::cells(subject, every));
    cells.extend(state_folder::cells(subject, every));
    cells.extend(readme(subject));
    cells
}

fn descriptor(subject: &Subject) -> Vec<Cell> {
    let path = "vault/hushfs.vault";
    let mut kind = Kind::new(subject, "descriptor", path);
    let bytes = kind.bytes().len();
    kind.flips(0..bytes * 8);
    kind.cuts(1..bytes);
    kind.extensions();
    kind.swaps(&[&subject.key_slot]);
    kind.replaced(FOREIGN, &[&subject.other[path]]);
    let names = ["vault/hushfs (1).vault", "vault/log/hushfs.vault", "vault/keys/hushfs.vault"];
    kind.other_names(&names.map(str::to_owned));
    kind.deletion();
    kind.cells
}

/// Bytes of a log object that are not sealed, and of its tag.
const LOG_HEADER_BYTES: usize = 64;
const TAG_BYTES: usize = 16;

/// The bits of an object that are flipped: of what `is_whole` says every one, of each other byte
/// one.
pub fn bits(bytes: usize, is_whole: impl Fn(usize) -> bool) -> impl Iterator<Item = usize> {
    let bits = (0..bytes).flat_map(|byte| (0..8).map(move |bit| (byte, bit)));
    bits.filter(move |(byte, bit)| is_whole(*byte) || byte % 8 == *bit)
        .map(|(byte, bit)| byte * 8 + bit)
}

/// Positions all over a range, as many for any length of it: how long an object is hangs on the
/// time, and the table must not.
pub fn spread(range: Range<usize>) -> impl Iterator<Item = usize> {
    let length = range.len();
    assert!(length >= SPREAD);
    (0..SPREAD).map(move |nth| range.start + nth * length / SPREAD)
}

const SPREAD: usize = 100;

fn logs(subject: &Subject, every: bool) -> Vec<Cell> {
    let logs = &subject.logs;
    let (device, _) = logs[0].rsplit_once('-').unwrap();
    let other_device = "vault/log/0123456789abcdef";
    let kinds = [
        ("log object before the checkpoint", &logs[0], &logs[1], "log", None),
        ("log object that others follow", &logs[2], &logs[3], "log", Some(2)),
        ("newest log object", &logs[3], &logs[2], "log", Some(3)),
        ("checkpoint", &subject.checkpoint, &logs[1], "ckpt", None),
    ];
    let mut cells = Vec::new();
    for (object, path, neighbour, extension, nth) in kinds {
        // Swapped with a neighbour, the log ends before the earlier of the two.
        let state_before = nth.map(Subject::state_before_log);
        let mut kind = Kind::new(subject, object, path).each(move |case| {
            let is_swapped = case.label.starts_with("with ");
            case.state_before = match (extension, is_swapped) {
                ("ckpt", true) => Some(1),
                (_, true) if state_before.is_some() => Some(2),
                _ => state_before,
            };
            // A log object with that number makes one that never was look lost.
            if case.label.contains("-00000009") {
                case.or_named = vec![format!("{device}-00000005.log")];
            }
        });
        let bytes = kind.bytes().len();
        let (header, tag_at) = (LOG_HEADER_BYTES, bytes - TAG_BYTES);
        if every {
            kind.flips(0..bytes * 8);
            kind.cuts(1..bytes);
        } else {
            kind.flips((0..header * 8).chain(tag_at * 8..bytes * 8));
            kind.flips(spread(header * 8..tag_at * 8));
            kind.cuts((1..header).chain(spread(header..bytes)));
        }
        kind.extensions();
        kind.swaps(&[neighbour]);
        kind.replaced(FOREIGN, &[&foreign(subject, path)]);
        let older = older_versions(subject, path);
        let older = older.iter().map(Vec::as_slice).collect::<Vec<_>>();
        kind.replaced(OLDER, &older);
        kind.cell(OTHER_VERSION, other_versions(subject, path));
        kind.other_names(&[
            format!("{device}-00000005.{extension}"),
            format!("{device}-00000009.{extension}"),
            format!("{other_device}-00000001.{extension}"),
            copy_name(path),
        ]);
        kind.deletion();
        cells.extend(kind.cells);
    }
    cells
}

pub const OTHER_VERSION: &str = "another version of it in its place";

/// Log objects and checkpoints with a lower number, under this one's name.
fn older_versions(subject: &Subject, path: &str) -> Vec<Vec<u8>> {
    let logs = subject.logs.iter();
    logs.filter(|log| log.as_str() < path).map(|log| subject.bytes(log).to_vec()).collect()
}

/// The object of the same device and number in another history, which needs an older copy of both
/// vault and state folder to come about.
fn other_versions(subject: &Subject, path: &str) -> Vec<Case> {
    let forks = subject.forks.iter().filter_map(|fork| fork.get(path));
    let others = forks.filter(|bytes| *bytes != subject.bytes(path));
    let case = |bytes: &Vec<u8>| {
        let edits = vec![Edit::Write { path: path.to_owned(), bytes: bytes.clone() }];
        let mut case = Case::new("of a fork", edits);
        case.forked = true;
        // Of two that do not fit, a mount names the earlier.
        case.or_named = subject.logs.clone();
        case
    };
    others.map(case).collect()
}

/// The other vault's object of the same kind and number.
fn foreign(subject: &Subject, path: &str) -> Vec<u8> {
    let (_, end) = path.rsplit_once('-').unwrap();
    let mut found = subject.other.iter().filter(|(name, _)| name.ends_with(end));
    found.next().unwrap().1.clone()
}

/// No object: nothing of it is ever read.
fn readme(subject: &Subject) -> Vec<Cell> {
    let mut kind = Kind::new(subject, "`README.txt`", "vault/README.txt");
    let bytes = kind.bytes().len();
    kind.flips(0..bytes * 8);
    kind.cuts(1..bytes);
    kind.extensions();
    kind.deletion();
    kind.cells
}
