//! What nothing can notice, and why.

use crate::cells::{
    CUT, DELETED, DUPLICATED, EMPTIED, EXTENDED, FLIPPED, FOREIGN, OLDER, OTHER_VERSION, RENAMED,
};
use crate::judge::UNNOTICED;
use crate::matrix::Row;
use crate::slots::{FLIPPED_FITTING, REMOVED_ONE};
use crate::state_folder::CUT_BEHIND;

/// Objects, tamperings, and why these are not noticed, or not by everybody.
type Reason = (&'static [&'static str], &'static [&'static str], &'static str);

const SLOTS: &[&str] = &["password slot", "64-digit-key slot", "key-vault slot"];
const OLD_JOURNAL: &str = "only the journal itself says what is in it; what had been acknowledged \
    and was not published is lost";

const REASONS: &[Reason] = &[
    (SLOTS, &[DELETED, RENAMED], "which slots there were is written nowhere; the others open"),
    (
        SLOTS,
        &[REMOVED_ONE],
        "it is authentic: who knew its secret has the master key, whatever becomes of the slot",
    ),
    (
        &["64-digit-key slot"],
        &[FLIPPED_FITTING],
        "the checksum finds accidents; only the slot’s own secret tells more, and then it does \
         not open",
    ),
    (
        &["log object before the checkpoint"],
        &[DELETED, RENAMED],
        "nothing needs it as long as the checkpoint is there",
    ),
    (
        &["newest log object"],
        &[DELETED, RENAMED],
        "nothing in the vault follows it; only who has seen it can miss it",
    ),
    (
        &["newest log object"],
        &[OTHER_VERSION],
        "both are authentic, and nothing in the vault follows it; if it does not fit the one \
         before, that one is named",
    ),
    (&["checkpoint"], &[DELETED, RENAMED], "it only saves time: all log objects are there"),
    (
        &["`device`"],
        &[DELETED, RENAMED, DUPLICATED],
        "the state folder becomes another device, which loses nothing",
    ),
    (&["`seen`"], &[OLDER], "it is authentic; that the journal does not fit it is told"),
    (&["`seen`"], &[RENAMED, DUPLICATED], "`….next` is never read"),
    (
        &["last record of the journal"],
        &[FLIPPED],
        "no later record says that it was durable: it passes for one that a crash tore",
    ),
    (&["journal"], &[CUT, EMPTIED, DELETED, FOREIGN, OLDER], OLD_JOURNAL),
    (&["journal"], &[CUT_BEHIND, EXTENDED], "what is behind the last record means nothing"),
    (&["journal"], &[RENAMED, DUPLICATED], "a journal file is known by its content"),
    (
        &["staged pack"],
        &[EXTENDED, RENAMED, DUPLICATED],
        "what no record names does not count, and goes",
    ),
    (&["header of a staged pack"], &[FLIPPED], "it follows from the name, and is made anew"),
    (&["`last-end`"], &[OLDER, DELETED], "no key seals it: it is for messages only"),
    (&["`README.txt`"], &[FLIPPED, CUT, EMPTIED, EXTENDED, DELETED], "no object: it is never read"),
];

/// Why nothing notices what a row tells of; `None` where all is noticed.
pub fn reason(row: &Row) -> Option<&'static str> {
    if !row.outcome.told.contains(UNNOTICED) {
        return None;
    }
    let fitting = REASONS.iter().find(|(objects, tamperings, _)| {
        objects.contains(&row.object) && tamperings.contains(&row.tampering)
    });
    fitting.map(|(.., reason)| *reason)
}

/// Nothing goes unnoticed that has no reason to, and no reason stands for nothing.
pub fn expect_all_used(rows: &[Row]) {
    let unnoticed: Vec<&Row> =
        rows.iter().filter(|row| row.outcome.told.contains(UNNOTICED)).collect();
    let without: Vec<_> = unnoticed.iter().filter(|row| reason(row).is_none()).collect();
    assert!(without.is_empty(), "these are not noticed: {without:#?}");
    for (objects, tamperings, why) in REASONS {
        for (object, tampering) in
            objects.iter().flat_map(|object| tamperings.iter().map(move |how| (object, how)))
        {
            let is_used = |row: &&&Row| row.object == *object && row.tampering == *tampering;
            assert!(
                unnoticed.iter().any(|row| is_used(&row)),
                "{object}, {tampering}: not needed: {why}"
            );
        }
    }
}
