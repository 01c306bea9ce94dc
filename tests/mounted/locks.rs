//! Locks, which the kernel keeps for all processes that use one mount.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use rustix::fs::{FlockOperation, fcntl_lock, flock};
use rustix::io::Errno;

use super::bench::Bench;

const EXCLUSIVE: FlockOperation = FlockOperation::NonBlockingLockExclusive;
const SHARED: FlockOperation = FlockOperation::NonBlockingLockShared;
const UNLOCK: FlockOperation = FlockOperation::Unlock;

/// Another process that holds a lock until [`Holder::end`].
struct Holder(Child);

impl Holder {
    /// `take` is a statement of Python that locks the open file `f`.
    fn of(bench: &Bench, take: &str) -> Self {
        let program = format!(
            "import fcntl, sys\nf = open('file', 'r+')\n{take}\nprint('held', flush=True)\n\
             sys.stdin.read()"
        );
        let mut child = Command::new("python3")
            .args(["-c", &program])
            .current_dir(bench.mount_point())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = [0; 4];
        child.stdout.as_mut().unwrap().read_exact(&mut told).unwrap();
        Self(child)
    }

    fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().unwrap().success());
    }
}

fn file_of(bench: &Bench) -> File {
    fs::write(bench.at("file"), "x").unwrap();
    reopened(bench)
}

fn reopened(bench: &Bench) -> File {
    OpenOptions::new().read(true).write(true).open(bench.at("file")).unwrap()
}

#[test]
fn flock_keeps_handles_and_processes_from_each_other() {
    let Some(bench) = Bench::mounted() else { return };
    let (one, two) = (file_of(&bench), reopened(&bench));
    flock(&one, EXCLUSIVE).unwrap();
    assert_eq!(flock(&two, SHARED), Err(Errno::WOULDBLOCK));
    flock(&one, UNLOCK).unwrap();
    flock(&one, SHARED).unwrap();
    flock(&two, SHARED).unwrap();
    assert_eq!(flock(&two, EXCLUSIVE), Err(Errno::WOULDBLOCK));
    drop((one, two));

    let other = Holder::of(&bench, "fcntl.flock(f, fcntl.LOCK_EX)");
    let file = reopened(&bench);
    assert_eq!(flock(&file, EXCLUSIVE), Err(Errno::WOULDBLOCK));
    other.end();
    flock(&file, EXCLUSIVE).unwrap();
}

#[test]
fn fcntl_locks_keep_processes_from_each_others_ranges() {
    let Some(bench) = Bench::mounted() else { return };
    let mut file = file_of(&bench);
    // Ten bytes from 100 on; locking the whole file meets them, and so does one from 109 on.
    let other = Holder::of(&bench, "fcntl.lockf(f, fcntl.LOCK_EX, 10, 100)");
    assert!(matches!(fcntl_lock(&file, EXCLUSIVE), Err(Errno::AGAIN | Errno::ACCESS)));
    file.write_all(b"locks are advice").unwrap();
    let beside = Holder::of(&bench, "fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 110)");
    beside.end();
    other.end();
    fcntl_lock(&file, EXCLUSIVE).unwrap();
}
