//! What a server notes of every change and attempt: one line of JSON each, and nothing secret.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

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
    /// Refusals, of whatever addresses, that were not noted since the line before.
    #[serde(skip_serializing_if = "is_none_left_out")]
    left_out: u64,
}

fn is_none_left_out(left_out: &u64) -> bool {
    *left_out == 0
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
    /// `None`: nowhere.
    log: Option<Log>,
    left_out: AtomicU64,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    /// One line is one write at the file's end, wherever that is by then: lines never mix, and whoever makes
    /// the file shorter meanwhile gets no hole.
    file: Mutex<File>,
}

impl Log {
    fn open(path: &Path) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(path)
    }
}

impl Audit {
    /// To nowhere.
    pub fn off() -> Self {
        Self { log: None, left_out: AtomicU64::new(0) }
    }

    /// To the end of a file, which is made if it is missing; only its owner can read it.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn to_file(path: &Path) -> io::Result<Self> {
        let file = Mutex::new(Log::open(path)?);
        Ok(Self { log: Some(Log { path: path.to_owned(), file }), ..Self::off() })
    }

    /// Whether anything is noted.
    pub(super) fn is_on(&self) -> bool {
        self.log.is_some()
    }

    /// Goes on in the file that has the name now, after somebody has given the one before another name. If
    /// that cannot be opened, in the one before.
    pub(super) fn open_again(&self) {
        let Some(log) = &self.log else { return };
        match Log::open(&log.path) {
            Ok(file) => *log.file.lock().unwrap_or_else(PoisonError::into_inner) = file,
            Err(error) => log::error!("the audit log {}: {error}", log.path.display()),
        }
    }

    /// Counts a refusal that is not noted. The next line says how many there were.
    pub(super) fn leave_out(&self) {
        self.left_out.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes an event. That it could not be noted is said, and stops nothing: a full disk must not lock
    /// people out whose guesses are counted elsewhere.
    pub(super) fn note(&self, event: Event, address: IpAddr, about: About) {
        let Some(log) = &self.log else { return };
        let line = Line {
            time: jiff::Timestamp::now().to_string(),
            event,
            account: about.account.map(|id| id.to_string()),
            registration: about.registration.map(|id| id.to_string()),
            address: address.to_canonical(),
            guesses_left: about.guesses_left,
            left_out: self.left_out.swap(0, Ordering::Relaxed),
        };
        let written = serde_json::to_vec(&line).map_err(io::Error::from).and_then(|mut text| {
            text.push(b'\n');
            log.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&text)
        });
        if let Err(error) = written {
            self.left_out.fetch_add(line.left_out, Ordering::Relaxed);
            log::error!("the audit log takes nothing: {error}");
        }
    }
}
