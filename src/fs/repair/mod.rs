//! Repair: what is damaged in a vault, what can be had instead, and bringing it about.
//!
//! First a plan is made, which changes nothing and is what a dry run shows; carrying it out is a
//! sequence of steps each of which leaves a vault that another repair can be planned for. Nothing
//! is ever deleted: what has to go moves into the vault's `lost+found`.
//!
//! Decision: what was rebuilt is published as one log object that builds on the longest unbroken
//! prefix of the log, and the objects behind the break move away. So the state stays a function of
//! the log objects (I3), with the checkpoint or without. The log object also says which objects it
//! takes the place of, so that none is ever taken over twice, however often a repair is cut off.

mod awaited;
mod breaks;
mod carry_out;
mod copies;
mod fixed;
mod logs;
mod lost_packs;
mod marks;
mod packs;
mod plan;
mod rebuild;
mod report;
mod story;
mod trust;

pub use plan::{RepairError, RepairPlan, RepairRequest, plan_repair};
pub use report::{Healed, Moved, RepairReport};
