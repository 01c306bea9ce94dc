//! logind says that it is about to begin, and waits for those who have asked
//! it to, for as long as its `InhibitDelayMaxSec` says (5 seconds, unless somebody has changed that).

use std::thread;

use zbus::blocking::proxy::SignalIterator;
use zbus::blocking::{Connection, Proxy};
use zbus::zvariant::OwnedFd;

use super::{Prepared, SleepError};
use crate::desktop::bus;

const LOGIND: &str = "org.freedesktop.login1";
const LOGIND_PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SIGNAL: &str = "PrepareForSleep";

/// Sleep waits for this process, from the moment that this is made.
pub struct SleepNotice {
    signals: SignalIterator<'static>,
    logind: Proxy<'static>,
    delay: OwnedFd,
    why: &'static str,
}

impl SleepNotice {
    /// Has sleep wait; `why` is shown by `systemd-inhibit --list`.
    ///
    /// # Errors
    /// [`SleepError`].
    pub fn begin(why: &'static str) -> Result<Self, SleepError> {
        let bus: Connection = bus::system()?;
        let logind = Proxy::new(&bus, LOGIND, LOGIND_PATH, MANAGER)?;
        // Listening first: else a sleep between the two would wait for somebody who does not hear of it.
        let signals = logind.receive_signal(SIGNAL)?;
        let delay = delay_by(&logind, why)?;
        Ok(Self { signals, logind, delay, why })
    }

    /// Calls `prepare` each time before the machine sleeps, on a thread of its own. Sleep waits until that
    /// returns, and after [`Prepared::Ending`] until the process has ended.
    ///
    /// # Errors
    /// [`SleepError::System`].
    pub fn call(
        self,
        mut prepare: impl FnMut() -> Prepared + Send + 'static,
    ) -> Result<(), SleepError> {
        let Self { signals, logind, delay, why } = self;
        let mut delay = Some(delay);
        let run = move || {
            for signal in signals {
                match signal.body().deserialize::<bool>() {
                    Ok(true) if prepare() == Prepared::Ready => drop(delay.take()),
                    // What is held is let go of by the system when nothing of the process is left.
                    Ok(true) => std::mem::forget(delay.take()),
                    Ok(false) if delay.is_none() => {
                        delay = delay_by(&logind, why)
                            .inspect_err(|error| log::warn!("sleep waits no more: {error}"))
                            .ok();
                    }
                    Ok(false) => {}
                    Err(error) => log::debug!("{SIGNAL}: {error}"),
                }
            }
        };
        thread::Builder::new().name("hushfs-sleep".to_owned()).spawn(run)?;
        Ok(())
    }
}

fn delay_by(logind: &Proxy<'_>, why: &str) -> zbus::Result<OwnedFd> {
    logind.call("Inhibit", &("sleep", "hushfs", why, "delay"))
}
