//! Notifications: a few words on the desktop, which a locked screen may show as well.

use std::collections::HashMap;
use std::path::PathBuf;

use zbus::blocking::Proxy;
use zbus::zvariant::Value;

use super::bus;
use super::markup::escaped;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
const ICON: &str = "dialog-warning";
/// It stays until somebody has seen it.
const URGENCY_CRITICAL: u8 = 2;
/// As the desktop does it with others.
const EXPIRES_AS_USUAL: i32 = -1;

/// Whether there seems to be a session to show anything in.
pub fn has_session() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let usual = || PathBuf::from(set("XDG_RUNTIME_DIR")?).join("bus").exists().then_some(());
    set("DBUS_SESSION_BUS_ADDRESS").is_some() || usual().is_some()
}

/// Shows a notification. Where there is no desktop, nothing happens.
pub fn notify(title: &str, body: &str) {
    if let Err(error) = show(title, body) {
        log::debug!("no notification: {error}");
    }
}

/// Connects for each one anew: there is hardly ever any, and a connection has a thread.
fn show(title: &str, body: &str) -> zbus::Result<()> {
    let bus = bus::session()?;
    let desktop = Proxy::new(&bus, NAME, PATH, NAME)?;
    let hints = HashMap::from([("urgency", Value::U8(URGENCY_CRITICAL))]);
    let (replaces, actions): (u32, &[&str]) = (0, &[]);
    let body = escaped(body);
    let words = ("hushfs", replaces, ICON, title, &*body, actions, hints, EXPIRES_AS_USUAL);
    desktop.call::<_, _, u32>("Notify", &words).map(drop)
}

/// The same for macOS, as `osascript` takes it on its standard input.
pub fn apple_script(title: &str, body: &str) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    format!("display notification {} with title {}\n", quoted(body), quoted(title))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_apple_script_says_the_words_and_nothing_else() {
        assert_eq!(
            apple_script("hushfs", r#"The disk of “Chats” is full: "df" \ tells"#),
            "display notification \"The disk of “Chats” is full: \\\"df\\\" \\\\ tells\" with title \
             \"hushfs\"\n"
        );
    }
}
