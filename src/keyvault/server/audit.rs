//! What a server notes of every change and attempt: one line of JSON each, and nothing secret.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

use serde::Serialize;

use crate::crypto::{AccountId, RegistrationId};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Event {
    /// A record was put beside the active one.
    Registered,
    /// It took the active one's place.
    Committed,
    /// A guess was taken.
    Attempt,
    /// The guess was right.
    Right,
    /// The client's proof was wrong.
    Wrong,
    /// The client went away without a proof: most wrong guesses look like that.
    BrokenOff,
    /// The last guess was taken, and every record erased.
    Destroyed,
    /// The owner has had every record erased.
    Unregistered,
    /// An order without the owner's signature.
    BadSignature,
    /// Too many requests.
    TooOften,
}

#[derive(Serialize)]
struct Line {
    time: String,
    event: Event,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registration: Option<String>,
    address: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    guesses_left: Option<u8>,
}

/// What an event is about.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct About {
    pub(super) account: Option<AccountId>,
    pub(super) registration: Option<RegistrationId>,
    pub(super) guesses_left: Option<u8>,
}

/// Where the lines go.
#[derive(Debug)]
pub struct Audit {
    /// `None`: nowhere. One line is one write, so that lines never mix.
    file: Option<Mutex<File>>,
}

impl Audit {
    /// To nowhere.
    pub fn off() -> Self {
        Self { file: None }
    }

    /// To the end of a file, which is made if it is missing; only its owner can read it.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn to_file(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        Ok(Self { file: Some(Mutex::new(file)) })
    }

    /// Notes an event. That it could not be noted is said, and stops nothing: a full disk must not lock
    /// people out whose guesses are counted elsewhere.
    pub(super) fn note(&self, event: Event, address: IpAddr, about: About) {
        let Some(file) = &self.file else { return };
        let line = Line {
            time: jiff::Timestamp::now().to_string(),
            event,
            account: about.account.map(|id| id.to_string()),
            registration: about.registration.map(|id| id.to_string()),
            address: address.to_canonical(),
            guesses_left: about.guesses_left,
        };
        let written = serde_json::to_vec(&line).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            file.lock().unwrap_or_else(std::sync::PoisonError::into_inner).write_all(&line)
        });
        if let Err(error) = written {
            log::error!("the audit log takes nothing: {error}");
        }
    }
}
