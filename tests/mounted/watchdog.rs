//! Ends what hangs: a test must fail then, not wait for ever.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, pidfd_send_signal};

/// No test takes nearly as long, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(300);
/// Runs that a script starts say in this variable how many seconds they may take.
const PATIENCE_VARIABLE: &str = "HUSHFS_PATIENCE";
/// So long a test has to fail once its daemons are gone.
const LAST_MOMENT: Duration = Duration::from_secs(60);

/// Daemons, known by descriptors, so that no other process is ever meant.
pub type Daemons = Arc<Mutex<Vec<OwnedFd>>>;

/// Watches one test until it is dropped.
pub struct Watchdog {
    /// Dropped with the rest, which the thread notices.
    _alive: Sender<()>,
}

impl Watchdog {
    /// Kills these daemons if the test takes too long: what waits for them gets an error. If that
    /// does not end the test, ends the whole run.
    pub fn over(daemons: Daemons) -> Self {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        let (alive, heard) = channel();
        let patience = std::env::var(PATIENCE_VARIABLE).ok().and_then(|secs| secs.parse().ok());
        let patience = patience.map_or(PATIENCE, Duration::from_secs);
        thread::spawn(move || {
            if heard.recv_timeout(patience) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
            tell(&format!("{test} hangs: killing its daemons"));
            for daemon in &*daemons.lock().unwrap() {
                // It may have ended long ago.
                let _ = pidfd_send_signal(daemon, Signal::KILL);
            }
            if heard.recv_timeout(LAST_MOMENT) != Err(RecvTimeoutError::Disconnected) {
                tell(&format!("{test} still hangs"));
                std::process::abort();
            }
        });
        Self { _alive: alive }
    }
}

/// Says something past the test harness, which keeps output back until a test's end.
pub fn tell(sentence: &str) {
    let _ = writeln!(std::io::stderr(), "{sentence}");
}
