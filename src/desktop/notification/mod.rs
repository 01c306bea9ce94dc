//! Notifications: a few words on the desktop, which a locked screen may show as well.

#[cfg(target_os = "linux")]
mod dbus;
// Tested on every system.
#[cfg(any(target_os = "macos", test))]
mod osascript;

#[cfg(target_os = "linux")]
use dbus as desktop;
#[cfg(target_os = "macos")]
use osascript as desktop;

/// Whether there seems to be a session to show anything in.
pub fn has_session() -> bool {
    desktop::has_session()
}

/// Shows a notification. Where there is no desktop, nothing happens.
pub fn notify(title: &str, body: &str) {
    if let Err(error) = desktop::show(title, body) {
        log::debug!("no notification: {error}");
    }
}
