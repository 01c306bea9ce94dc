//! What a service manager is told.

use sd_notify::NotifyState;

/// Tells systemd that this service has started, if it is one that is asked to tell.
pub fn tell_ready() {
    if let Err(error) = sd_notify::notify(&[NotifyState::Ready]) {
        log::warn!("systemd is not told that the mount is ready: {error}");
    }
}
