//! `hushfs status --watch`: how a mount is, again and again.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::format::Time;
use crate::fs::{FetchStatus, Status, day_and_time};

use super::error::Error;
use super::names::Shown as _;
use super::output::{print_at_once, say};
use super::status::{StatusError, status_of_mount};
use super::terminal::animates;
use super::units::{bytes, counted};

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A vault that is slow to list is looked at for no more than one part of these of the time.
const PARTS: u32 = 10;

/// One look, and what there was at the one before.
struct Look<'a> {
    status: &'a Status,
    /// Bytes read and written since the one before, and how long that was.
    read_bytes: u64,
    written_bytes: u64,
    time: Duration,
}

/// How it is shown.
enum View {
    /// Lines that are drawn anew each time.
    Drawn(ProgressBar),
    /// A line for each look.
    Lines,
    /// A line where something has changed: for who has them read out, or a terminal that cannot.
    Changes(String),
    /// A line of JSON for each look.
    Json,
}

/// Shows how a mount is until it ends or nobody reads on.
///
/// # Errors
/// [`Error::Status`] if it cannot be asked; [`Error::Io`] if standard output takes nothing.
pub(super) fn run(mount_point: &Path, json: bool) -> Result<(), Error> {
    let mut before = status_of_mount(mount_point)?;
    let mut view = View::new(json);
    let mut asked = Instant::now();
    view.show(&Look::of(&before, &before, Duration::ZERO))?;
    loop {
        thread::sleep(LOOK_EVERY.max(asked.elapsed() * PARTS).saturating_sub(asked.elapsed()));
        let last = asked;
        asked = Instant::now();
        let status = match status_of_mount(mount_point) {
            Ok(status) if status.pid == before.pid => status,
            // Another mount is there by now.
            Ok(_) | Err(StatusError::NotMountPoint(_) | StatusError::NotOurs { .. }) => {
                return view.end("unmounted");
            }
            Err(error) => {
                view.end("")?;
                return Err(error.into());
            }
        };
        let look = Look::of(&status, &before, asked - last);
        if !view.show(&look)? {
            return Ok(());
        }
        before = status;
    }
}

/// The one mount that is meant where none is named.
///
/// # Errors
/// [`Error::Usage`] if there are several; [`Error::Incomplete`] if there is none.
pub(super) fn only_one(mut mount_points: Vec<PathBuf>) -> Result<PathBuf, Error> {
    match (mount_points.pop(), mount_points.len()) {
        (None, _) => Err(Error::Incomplete("no vault is mounted".to_owned())),
        (Some(only), 0) => Ok(only),
        (Some(_), more) => Err(Error::Usage(format!(
            "{} vaults are mounted: name the one to watch, as in: hushfs status --watch MOUNTPOINT",
            more + 1
        ))),
    }
}

impl<'a> Look<'a> {
    fn of(status: &'a Status, before: &Status, time: Duration) -> Self {
        Self {
            status,
            read_bytes: status.read_bytes.saturating_sub(before.read_bytes),
            written_bytes: status.written_bytes.saturating_sub(before.written_bytes),
            time,
        }
    }

    fn speed(&self, count: u64) -> String {
        let secs = self.time.as_secs_f64();
        let each = if secs > 0.0 { (count as f64 / secs).round() as u64 } else { 0 };
        format!("{}/s", bytes(each))
    }

    /// What there is to tell, each with its heading.
    fn parts(&self) -> Vec<(&'static str, String)> {
        let Self { status, .. } = self;
        let waiting = match (status.unpublished_operations, status.unpublished_bytes) {
            (0, 0) => "nothing".to_owned(),
            (operations, content) => {
                format!("{}, {}", counted(operations, "change", "changes"), bytes(content))
            }
        };
        let objects = counted(status.objects, "object", "objects");
        let mut parts = vec![
            ("reads", self.speed(self.read_bytes)),
            ("writes", self.speed(self.written_bytes)),
            ("waiting", waiting),
            ("in the vault", format!("{objects}, {}", bytes(status.object_bytes))),
        ];
        let FetchStatus { packs, done_bytes, all_bytes, since, failed } = &status.fetches;
        if since.is_some() {
            let (packs, done) = (counted(*packs, "pack", "packs"), bytes(*done_bytes));
            parts.push(("fetching", format!("{packs}, {done} of {}", bytes(*all_bytes))));
        }
        let some = [
            ("NOT FETCHED", failed.len(), "pack", "packs"),
            ("NOT ARRIVED", status.not_arrived.len(), "thing", "things"),
            ("DAMAGE", status.damage.len(), "place", "places"),
        ];
        let some = some.into_iter().filter(|(_, count, ..)| *count > 0);
        parts.extend(some.map(|(head, count, one, many)| (head, counted(count as u64, one, many))));
        parts.extend(status.publish_error.iter().map(|why| ("PUBLISH FAILS", why.clone())));
        parts.extend(status.read_only.iter().map(|why| ("READ-ONLY", why.clone())));
        parts
    }

    fn in_a_line(&self) -> String {
        let parts = self.parts().into_iter().map(|(head, text)| format!("{head} {text}"));
        parts.collect::<Vec<_>>().join("; ")
    }

    fn drawn(&self) -> String {
        let parts = self.parts();
        let width = parts.iter().map(|(head, _)| head.len()).max().unwrap_or(0);
        let lines = parts.iter().map(|(head, text)| format!("{head:width$}  {text}"));
        let head = format!("{} (Ctrl-C ends this view)", self.status.mountpoint.shown());
        [head].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
    }
}

impl View {
    fn new(json: bool) -> Self {
        let stdout = io::stdout();
        match (json, animates(&stdout), stdout.is_terminal()) {
            (true, ..) => Self::Json,
            (false, true, _) => {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
                let style = ProgressStyle::with_template("{msg}");
                Self::Drawn(
                    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner())),
                )
            }
            (false, false, true) => Self::Changes(String::new()),
            (false, false, false) => Self::Lines,
        }
    }

    /// Shows one look; says whether anybody reads on.
    fn show(&mut self, look: &Look<'_>) -> Result<bool, Error> {
        let time = || day_and_time(Time::now()).1;
        match self {
            Self::Drawn(bar) => {
                bar.set_message(look.drawn());
                bar.tick();
                Ok(true)
            }
            Self::Lines => print_at_once(format!("{}  {}\n", time(), look.in_a_line()).as_bytes()),
            Self::Changes(last) => {
                let line = look.in_a_line();
                if line == *last {
                    return Ok(true);
                }
                last.clone_from(&line);
                print_at_once(format!("{}  {line}\n", time()).as_bytes())
            }
            Self::Json => {
                let json = serde_json::to_string(look.status).map_err(io::Error::from);
                let doing = "printing".to_owned();
                let json = json.map_err(|source| Error::Io { doing, source })?;
                print_at_once(format!("{json}\n").as_bytes())
            }
        }
    }

    fn end(self, why: &str) -> Result<(), Error> {
        match self {
            Self::Drawn(bar) => bar.finish_and_clear(),
            Self::Lines | Self::Changes(_) | Self::Json => {}
        }
        if !why.is_empty() {
            say(why);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_tells_how_fast_it_goes_and_what_waits() {
        let before = Status { read_bytes: 1000, ..Status::default() };
        let status = Status {
            read_bytes: 3_001_000,
            written_bytes: 500_000,
            unpublished_operations: 3,
            unpublished_bytes: 4096,
            objects: 210,
            object_bytes: 3_500_000_000,
            ..Status::default()
        };
        let look = Look::of(&status, &before, Duration::from_secs(2));
        assert_eq!(
            look.in_a_line(),
            "reads 1.5 MB/s; writes 250 kB/s; waiting 3 changes, 4.1 kB; in the vault 210 objects, \
             3.5 GB"
        );
        let quiet = Look::of(&before, &status, Duration::ZERO);
        assert!(
            quiet.in_a_line().starts_with("reads 0 bytes/s; writes 0 bytes/s; waiting nothing")
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_each_look() {
        let status = Status {
            publish_error: Some("no space left".to_owned()),
            damage: vec!["a".to_owned(), "b".to_owned()],
            fetches: FetchStatus {
                packs: 2,
                done_bytes: 3_100_000,
                all_bytes: 32_000_000,
                since: Some(1),
                failed: Vec::new(),
            },
            ..Status::default()
        };
        let text = Look::of(&status, &status, Duration::from_secs(1)).drawn();
        for line in [
            "\nfetching       2 packs, 3.1 MB of 32 MB",
            "\nDAMAGE         2 places",
            "\nPUBLISH FAILS  no space left",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }

    #[test]
    fn the_mount_to_watch_needs_no_name_where_there_is_one() {
        assert_eq!(only_one(vec!["/a".into()]).unwrap(), Path::new("/a"));
        assert!(matches!(only_one(Vec::new()), Err(Error::Incomplete(_))));
        assert!(matches!(only_one(vec!["/a".into(), "/b".into()]), Err(Error::Usage(_))));
    }
}
