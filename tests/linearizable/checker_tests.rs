//! That the checker tells what can have happened from what cannot.

use hushfs::fs::RenameMode;

use crate::checker::{History, Recorded};
use crate::plain_model::{Call, Fault, Model, Outcome};

const ROOT: u64 = 1;

/// Calls with outcomes, each by a thread of its own, between these moments.
fn is_linearizable(calls: &[(u64, u64, Call, Outcome)]) -> bool {
    let recorded = calls.iter().enumerate().map(|(thread, (started, ended, call, outcome))| {
        let (call, outcome) = (call.clone(), outcome.clone());
        Recorded { thread, call, outcome, started: *started, ended: *ended }
    });
    History(recorded.collect()).is_linearizable(&Model::of_folder(ROOT))
}

fn make(name: char) -> Call {
    Call::MakeFile { folder: ROOT, name }
}

fn lookup(name: char) -> Call {
    Call::Lookup { folder: ROOT, name }
}

fn rename(from: char, to: char, mode: RenameMode) -> Call {
    Call::Rename { from: (ROOT, from), to: (ROOT, to), mode }
}

fn file(number: u64) -> Outcome {
    Outcome::Inode { number, is_folder: false }
}

fn content(letters: &[u8]) -> Outcome {
    Outcome::Content(letters.to_vec())
}

const NOT_FOUND: Outcome = Outcome::Refused(Fault::NotFound);

#[test]
fn a_call_sees_what_had_ended_before_it_and_may_see_what_runs_beside_it() {
    let made = (0, 10, make('a'), file(7));
    assert!(is_linearizable(&[made.clone(), (1, 2, lookup('a'), file(7))]));
    assert!(is_linearizable(&[made.clone(), (1, 2, lookup('a'), NOT_FOUND)]));
    assert!(is_linearizable(&[made.clone(), (11, 12, lookup('a'), file(7))]));
    assert!(!is_linearizable(&[made, (11, 12, lookup('a'), NOT_FOUND)]));
}

#[test]
fn what_was_seen_once_is_not_unseen() {
    let made = (0, 10, make('a'), file(7));
    let seen = (1, 2, lookup('a'), file(7));
    let unseen = |started, ended| (started, ended, lookup('a'), NOT_FOUND);
    assert!(!is_linearizable(&[made.clone(), seen.clone(), unseen(3, 4)]));
    assert!(is_linearizable(&[made, (1, 5, lookup('a'), file(7)), unseen(3, 4)]));
}

#[test]
fn a_name_is_made_once() {
    let calls = [(0, 3, make('a'), file(7)), (1, 2, make('a'), file(8))];
    assert!(!is_linearizable(&calls));
    let refused = (1, 2, make('a'), Outcome::Refused(Fault::Exists));
    assert!(is_linearizable(&[calls[0].clone(), refused]));
}

#[test]
fn a_rename_is_never_seen_half_done() {
    let start = [(0, 1, make('a'), file(7)), (2, 3, make('b'), file(8))];
    let renamed = (4, 20, rename('a', 'c', RenameMode::Replace), Outcome::Done);
    let with = |more: &[(u64, u64, Call, Outcome)]| [&start[..], more].concat();
    // In neither place, one after the other: gone from the first, not yet in the second.
    let (gone, absent) = ((5, 6, lookup('a'), NOT_FOUND), (7, 8, lookup('c'), NOT_FOUND));
    assert!(!is_linearizable(&with(&[renamed.clone(), gone.clone(), absent.clone()])));
    let absent_first = (5, 6, lookup('c'), NOT_FOUND);
    assert!(is_linearizable(&with(&[renamed, absent_first, (7, 8, lookup('a'), NOT_FOUND)])));
    // Both names the same file while two trade places.
    let exchanged = (4, 20, rename('a', 'b', RenameMode::Exchange), Outcome::Done);
    let both = Outcome::Entries([('a', 8), ('b', 8)].into());
    assert!(!is_linearizable(&with(&[exchanged, (5, 6, Call::List { folder: ROOT }, both)])));
}

#[test]
fn a_read_sees_a_write_whole_or_not() {
    let write = |letter| Call::Write { number: 7, unit: 0, units: 2, letter };
    let read = Call::Read { number: 7, unit: 0, units: 9 };
    let start = [(0, 1, make('a'), file(7)), (2, 3, write(b'x'), Outcome::Done)];
    let with = |letters: &[u8]| {
        let beside = (4, 20, write(b'y'), Outcome::Done);
        let seen = (5, 6, read.clone(), content(letters));
        is_linearizable(&[&start[..], &[beside, seen]].concat())
    };
    assert!(with(b"xx") && with(b"yy"));
    assert!(!with(b"xy") && !with(b"yx") && !with(b"") && !with(b"zz"));
}
