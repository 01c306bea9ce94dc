//! Who is root on Linux.

use std::fs;

use rustix::thread::{CapabilitySet, capabilities};

/// What lets root pass every check that a file system makes, as far as the daemon keeps it too.
const ROOTS_OWN: CapabilitySet =
    CapabilitySet::CHOWN.union(CapabilitySet::DAC_OVERRIDE).union(CapabilitySet::FOWNER);

/// Whether this process is root with all that goes with it, and not only in a user namespace, whose
/// root is nobody to files of users from outside it.
pub(super) fn is_root_of_the_machine() -> bool {
    let user_ids = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    rustix::process::geteuid().is_root()
        && rustix::process::getuid().is_root()
        && maps_everybody(&user_ids)
        && capabilities(None).is_ok_and(|own| own.effective.contains(ROOTS_OWN))
}

/// Whether a user namespace's map leaves every user id as it is.
fn maps_everybody(user_ids: &str) -> bool {
    let all = u32::MAX.to_string();
    user_ids.split_whitespace().eq(["0", "0", all.as_str()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_map_that_changes_nobody_is_the_machines() {
        assert!(maps_everybody("         0          0 4294967295\n"));
        for map in ["", "0 1000 1\n", "0 100000 65536\n", "0 0 4294967295\n1 1 1\n"] {
            assert!(!maps_everybody(map), "{map}");
        }
    }
}
