//! Connections to D-Bus.

use std::time::Duration;

use zbus::blocking::Connection;
use zbus::blocking::connection::Builder;

/// Who does not answer a call within this time is taken not to answer at all: nobody is to wait for a
/// desktop that hangs.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The bus of this user's session.
pub(super) fn session() -> zbus::Result<Connection> {
    Builder::session()?.method_timeout(ANSWER_WITHIN).build()
}

/// The bus of the machine.
pub(super) fn system() -> zbus::Result<Connection> {
    Builder::system()?.method_timeout(ANSWER_WITHIN).build()
}
