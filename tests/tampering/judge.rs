//! What must hold of every tampering, and the words for what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use hushfs::cli::args::UnlockArgs;
use hushfs::format::Ino;
use hushfs::fs::{MountMode, VerifyReport};

use crate::cells::Case;
use crate::image::{image_of, temporary_folder, write_image};
use crate::look::{Looked, Shown, look, open, unlocked};
use crate::make::Subject;

/// What came of a tampering, in the words of the table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outcome {
    /// What is said of the object.
    pub told: String,
    /// What a read-only mount shows.
    pub shown: String,
}

/// Nothing says a word of it.
pub const UNNOTICED: &str = "not noticed";
const REFUSED: &str = "refused";
const POSSIBLE: &str = "possible";

/// Checks all that must hold of the tampered vault in `folder`.
pub fn judge(subject: &Subject, folder: &Path, case: &Case) -> Outcome {
    let looked = look(folder, &case.how(subject), case.in_place);
    let own = case.own.as_ref().map(|own| own_secret(folder, &own(subject), case));
    let (told, shown) = match &looked {
        Looked::Locked(error) => {
            assert!(case.is_named_by(error), "what is wrong is not named: {error}");
            ("does not unlock, and says which".to_owned(), "nothing".to_owned())
        }
        Looked::Open(open) => (told(subject, case, open), shown(subject, case, open)),
    };
    let told = match own {
        Some(own) => format!("{told}; its own secret: {own}"),
        None => told,
    };
    Outcome { told, shown }
}

fn own_secret(folder: &Path, own: &UnlockArgs, case: &Case) -> &'static str {
    match unlocked(folder, own) {
        Ok(_) => "opens",
        Err(error) if case.is_named_by(&error) => "refused, and says which",
        Err(_) => REFUSED,
    }
}

fn told(subject: &Subject, case: &Case, shown: &Shown) -> String {
    let Shown { report, first_report, records, said, .. } = shown;
    for report in [report, first_report] {
        for damaged in report.damaged.iter().chain(&report.awaited) {
            let path = format!("vault/{}", damaged.object);
            let is_of_fork = case.forked && !subject.pristine.contains_key(&path);
            let is_named = case.named.contains(&path) || case.or_named.contains(&path);
            let is_named = is_named || is_of_fork;
            assert!(is_named, "something else is called damaged: {damaged:?}");
        }
        let others = report.strangers.iter().filter(|path| !case.is_named_by(path));
        assert_eq!(others.count(), 0, "{:?}", report.strangers);
    }
    let here = words(case, report, records, said);
    let first = words(case, first_report, records, said);
    if here == first {
        return here;
    }
    format!("{here}; on a machine that has not seen it: {first}")
}

fn words(case: &Case, report: &VerifyReport, records: &[String], said: &[String]) -> String {
    let of = |object: &String| match object.strip_prefix("vault/") {
        Some(path) => vault_words(path, report),
        None => state_words(object.strip_prefix("state/").unwrap(), records, said),
    };
    let words: BTreeSet<&str> = case.named.iter().map(of).collect();
    words.into_iter().collect::<Vec<_>>().join(", ")
}

fn vault_words(path: &str, report: &VerifyReport) -> &'static str {
    let is_there = |list: &[String]| list.iter().any(|line| line.contains(path));
    if let Some(damaged) = report.damaged.iter().find(|damaged| damaged.object == path) {
        match ["missing", "gone"].iter().any(|word| damaged.what.contains(word)) {
            true => "named as missing",
            false => "named as damaged",
        }
    } else if report.awaited.iter().any(|awaited| awaited.object == path) {
        "named as not arrived"
    } else if is_there(&report.newer) {
        "named as a newer program’s"
    } else if is_there(&report.strangers) {
        "named as not used"
    } else if report.copies.iter().any(|copy| copy.path == path) {
        "named as a copy"
    } else if is_there(&report.notes) {
        "named in a note"
    } else {
        UNNOTICED
    }
}

fn state_words(path: &str, records: &[String], said: &[String]) -> &'static str {
    let journal = "the journal in the state folder is damaged";
    let name = path.rsplit('/').next().unwrap();
    let is_named = |line: &String| {
        line.contains(name) || (path.starts_with("journal-") && line.starts_with(journal))
    };
    let is_unread = records.iter().any(is_named);
    if is_unread || said.iter().any(is_named) { "named as damaged" } else { UNNOTICED }
}

/// Which known state is shown, and what it lacks; panics where it is none, or where anything
/// lacks content that has nothing to do with what was tampered with.
fn shown(subject: &Subject, case: &Case, shown: &Shown) -> String {
    let Shown { view, report, .. } = shown;
    if case.forked && subject.fork_states.iter().any(|state| view.lost_of(state).is_some()) {
        return "another history of the same device".to_owned();
    }
    let wrong = view.wrong_bytes(&subject.states);
    assert!(wrong.is_empty(), "wrong bytes in {wrong:?}");
    let (state, lost) = state_shown(subject, shown);
    let told: BTreeSet<Ino> =
        (report.damaged.iter().chain(&report.awaited).flat_map(|named| &named.files))
            .map(|path| subject.states[state].ino(path).unwrap())
            .collect();
    let lost_files: BTreeSet<Ino> = lost.keys().copied().collect();
    assert_eq!(told, lost_files, "the files that lose content are told: {report:?}");
    let may_lose: BTreeSet<Ino> = (case.named.iter().flat_map(|name| subject.files_in(name)))
        .filter_map(|path| subject.states[state].ino(path))
        .collect();
    assert!(lost_files.is_subset(&may_lose), "lost {lost_files:?}, may lose {may_lose:?}");
    let what = if state == subject.last_state() {
        "everything"
    } else if state == subject.published_state() {
        "all that is published"
    } else if state > subject.published_state() {
        "everything up to it"
    } else {
        assert_eq!(Some(state), case.state_before, "what was before the log object");
        "everything before it"
    };
    match lost.values().sum() {
        0 => what.to_owned(),
        1 => format!("{what}, less the chunk, whose file is named"),
        _ => format!("{what}, less its chunks, whose files are named"),
    }
}

/// The latest state that it can be, and the files that lack chunks of it.
fn state_shown(subject: &Subject, shown: &Shown) -> (usize, BTreeMap<Ino, usize>) {
    let states = subject.states.iter().enumerate().rev();
    let mut known = states.filter_map(|(nth, state)| Some((nth, shown.view.lost_of(state)?)));
    known.next().unwrap_or_else(|| panic!("this was never the state: {shown:?}"))
}

/// Whether a writable mount can be had. Where it can, everything is published and is then as it
/// was shown; this changes the vault in `folder`.
pub fn written(subject: &Subject, folder: &Path, case: &Case) -> &'static str {
    let how = case.how(subject);
    let before = match look(folder, &how, true) {
        Looked::Open(open) => open,
        Looked::Locked(_) => return refused(subject, folder, case),
    };
    let files = match open(folder, &how, MountMode::ReadWrite) {
        Ok(files) => files,
        Err(_) => return refused(subject, folder, case),
    };
    files.shut_down().unwrap();
    drop(files);
    let Looked::Open(after) = look(folder, &how, true) else { panic!("locked by a mount") };
    let objects = |shown: &Shown| -> BTreeSet<String> {
        shown.report.damaged.iter().map(|damaged| damaged.object.clone()).collect()
    };
    assert_eq!(objects(&after), objects(&before), "{:?}", after.report);
    let lost = after.view.lost_of(&subject.states[state_shown(subject, &before).0]);
    assert_eq!(lost, Some(state_shown(subject, &before).1), "{:?}", after.report);
    POSSIBLE
}

/// A writable mount is refused, with the object's name, and writes nothing.
pub fn refused(subject: &Subject, folder: &Path, case: &Case) -> &'static str {
    match open(folder, &case.how(subject), MountMode::ReadWrite) {
        Ok(_) => panic!("a writable mount was possible"),
        Err(error) => assert!(case.is_named_by(&error), "refused for another reason: {error}"),
    }
    REFUSED
}

/// Whether it is the outcome of [`written`] for a mount that was refused.
pub fn is_refused(written: &str) -> bool {
    written == REFUSED
}

/// A copy of the tampered vault, to write to.
pub fn copy_of(folder: &Path) -> tempfile::TempDir {
    let copy = temporary_folder();
    write_image(&image_of(folder), copy.path());
    copy
}
