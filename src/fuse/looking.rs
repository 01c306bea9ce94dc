//! Attributes for whoever looks at files by commands of ours: what they hold, and where earlier
//! states are shown.

use std::ffi::OsStr;

use fuser::{Errno, Request};

use super::adapter::Adapter;
use super::control::{STATE_ATTRIBUTE, StateAnswer, USAGE_ATTRIBUTE};
use crate::format::Ino;
use crate::fs::When;

impl Adapter {
    /// The value of such an attribute; `None` for any other.
    pub(super) fn looked_at(
        &self,
        who: &Request,
        ino: Ino,
        name: &OsStr,
    ) -> Option<Result<Vec<u8>, Errno>> {
        let of_state = name.to_str().and_then(|name| name.strip_prefix(STATE_ATTRIBUTE));
        match of_state {
            Some(when) if ino == Ino::ROOT => Some(self.control.check(who).and_then(|()| {
                let answer: StateAnswer = When::parse(when)
                    .map_err(|error| error.to_string())
                    .and_then(|when| self.history.path_of(&self.files, &when));
                serde_json::to_vec(&answer).map_err(|_| Errno::EIO)
            })),
            _ if name == USAGE_ATTRIBUTE => Some(self.control.check(who).and_then(|()| {
                let (files, ino) = self.place(ino)?;
                serde_json::to_vec(&files.usage(ino)?).map_err(|_| Errno::EIO)
            })),
            _ => None,
        }
    }
}
