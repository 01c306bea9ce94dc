//! By memory locks and capabilities of Linux.

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, geteuid, getrlimit, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};

use super::note;

/// What the daemon of a mount by root keeps: unmounting, reaching a vault that belongs to a user,
/// and locking memory.
const KEPT: CapabilitySet = CapabilitySet::SYS_ADMIN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::CHOWN)
    .union(CapabilitySet::IPC_LOCK);

pub(super) fn protect_memory() {
    note("dumpable", set_dumpable_behavior(DumpableBehavior::NotDumpable));
    // Under a limit every later allocation beyond it would fail.
    let unlimited = getrlimit(Resource::Memlock).current.is_none();
    if unlimited || may_lock_memory() {
        let all = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
        note("locked memory", mlockall(all));
    }
}

pub(super) fn drop_privileges() {
    if !geteuid().is_root() {
        return;
    }
    // The bounding set first: removing from it takes a capability itself.
    for capability in (CapabilitySet::all() - KEPT).iter() {
        // Those that the kernel does not know, or that are missing already, are refused.
        let _ = remove_capability_from_bounding_set(capability);
    }
    let kept = capabilities(None).map(|now| CapabilitySets {
        effective: now.effective & KEPT,
        permitted: now.permitted & KEPT,
        inheritable: CapabilitySet::empty(),
    });
    note("capabilities", kept.and_then(|kept| set_capabilities(None, kept)));
    note("no new privileges", set_no_new_privs(true));
}

fn may_lock_memory() -> bool {
    capabilities(None).is_ok_and(|now| now.effective.contains(CapabilitySet::IPC_LOCK))
}
