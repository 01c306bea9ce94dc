//! What the process does before it holds any key.

use rustix::process::{Resource, Rlimit, setrlimit};

/// No core dumps, and no other process of the same user may look into this one's memory (I6).
/// Where the system refuses, the keys' own pages are still kept out.
pub fn keep_memory_private() {
    let _ = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    );
    // A limit of 0 does not hold where dumps are piped to a program; this does.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
