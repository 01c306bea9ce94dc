//! What a terminal may be sent.

use std::env;
use std::io::IsTerminal;
use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;

/// Whether something on this stream may move or be drawn over: it is a terminal that can and tells its
/// size, and nobody has said otherwise, as screen readers and their users do with `TERM=dumb` or `NO_COLOR`.
pub(super) fn animates(stream: &(impl IsTerminal + AsFd)) -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
    let has_size = || tcgetwinsize(stream).is_ok_and(|size| size.ws_col > 0);
    stream.is_terminal() && !is_dumb && !is_set("NO_COLOR") && has_size()
}
