//! What a service manager is told.

/// Tells systemd that this service has started, if it is one that is asked to tell. launchd asks for nothing
/// of the kind.
pub fn tell_ready() {
    #[cfg(target_os = "linux")]
    if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
        log::warn!("systemd is not told that the mount is ready: {error}");
    }
}
