//! By D-Bus, as the desktops of Linux take them.

use std::collections::HashMap;
use std::path::PathBuf;

use zbus::blocking::Proxy;
use zbus::zvariant::Value;

use crate::desktop::bus;
use crate::desktop::markup::escaped;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
const ICON: &str = "dialog-warning";
/// It stays until somebody has seen it.
const URGENCY_CRITICAL: u8 = 2;
/// As the desktop does it with others.
const EXPIRES_AS_USUAL: i32 = -1;

/// Whether there seems to be a session to show anything in.
pub(super) fn has_session() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let usual = || PathBuf::from(set("XDG_RUNTIME_DIR")?).join("bus").exists().then_some(());
    set("DBUS_SESSION_BUS_ADDRESS").is_some() || usual().is_some()
}

/// Connects for each one anew: there is hardly ever any, and a connection has a thread.
pub(super) fn show(title: &str, body: &str) -> zbus::Result<()> {
    let bus = bus::session()?;
    let desktop = Proxy::new(&bus, NAME, PATH, NAME)?;
    let hints = HashMap::from([("urgency", Value::U8(URGENCY_CRITICAL))]);
    let (replaces, actions): (u32, &[&str]) = (0, &[]);
    let body = escaped(body);
    let words = ("hushfs", replaces, ICON, title, &*body, actions, hints, EXPIRES_AS_USUAL);
    desktop.call::<_, _, u32>("Notify", &words).map(drop)
}
