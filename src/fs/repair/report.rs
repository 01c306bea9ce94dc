//! What a repair does, or would do, and what it cannot.

use serde::Serialize;

use crate::fs::verify::DamagedObject;

/// An object that is put in its place again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Healed {
    /// Its path below the vault.
    pub object: String,
    /// Where it comes from: another path below the vault, or words.
    pub from: String,
}

/// A file of the vault folder that moves into the vault's `lost+found`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Its path below the vault.
    pub object: String,
    /// Why.
    pub why: String,
}

/// What a repair does, or would do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RepairReport {
    /// Objects that a copy of themselves takes the place of.
    pub healed: Vec<Healed>,
    /// Objects that are made anew from what is known of them.
    pub rebuilt: Vec<Healed>,
    /// What moves into the vault's `lost+found`, besides damaged objects that were healed or
    /// rebuilt.
    pub set_aside: Vec<Moved>,
    /// Log objects that are gone for good.
    pub lost_logs: Vec<String>,
    /// Log objects behind a gap whose operations were taken over.
    pub taken_over: Vec<String>,
    /// Operations of those that do not fit any more.
    pub skipped: Vec<String>,
    /// What comes to stand in the folder `lost+found` of the vault's files.
    pub brought_back: Vec<String>,
    /// Objects that are damaged or missing, and stay so, with the files that lose content.
    pub lost: Vec<DamagedObject>,
    /// What has not arrived yet, in sentences. A repair that is carried out takes it for lost.
    pub awaited: Vec<String>,
    /// Copies of objects that are well; they are left alone.
    pub superfluous: Vec<String>,
    /// This machine takes the vault as it is for the newest, though it has seen other log objects.
    pub takes_as_newest: bool,
    /// What else there is to know.
    pub notes: Vec<String>,
}

impl RepairReport {
    /// There is nothing to do.
    pub fn is_nothing(&self) -> bool {
        self.healed.is_empty()
            && self.rebuilt.is_empty()
            && self.set_aside.is_empty()
            && self.lost_logs.is_empty()
            && self.taken_over.is_empty()
            && self.brought_back.is_empty()
            && !self.takes_as_newest
    }

    /// Everything is as it was before the damage.
    pub fn is_lossless(&self) -> bool {
        self.lost_logs.is_empty() && self.skipped.is_empty() && self.lost.is_empty()
    }
}
