//! `hushfs fetch`: brings in the packs that files of a mount need, before anybody reads them.

use std::collections::HashMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::getxattr;
use rustix::io::Errno;
use serde::Serialize;

use crate::fs::FileFetch;
use crate::fuse::{FETCH_ATTRIBUTE, FETCHING_ATTRIBUTE};

use super::answer::{NoAnswer, answer};
use super::args::FetchArgs;
use super::error::Error;
use super::host::NO_XATTR;
use super::names::Shown as _;
use super::output::show;
use super::progress::Progress;
use super::units::{bytes, counted};

/// How often the mount is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What `--json` prints.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Whether all is there.
    ok: bool,
    /// Files looked at.
    files: u64,
    /// Packs that were fetched.
    packs: u64,
    /// Bytes of those.
    bytes: u64,
    /// Files that are not all here.
    failed: Vec<FailedFile>,
}

#[derive(Debug, Serialize)]
struct FailedFile {
    path: String,
    why: String,
}

/// Fetches, and says what came.
///
/// # Errors
/// [`Error::Usage`] for a path that is in no mount; [`Error::Incomplete`] if not all is there.
pub(super) fn run(args: &FetchArgs) -> Result<(), Error> {
    for path in &args.paths {
        check_in_mount(path)?;
    }
    let mut fetch = Fetch::new();
    for path in &args.paths {
        fetch.ask_below(path)?;
    }
    let report = fetch.wait()?;
    show(&report, args.json, || described(&report))?;
    match report.failed.len() as u64 {
        0 => Ok(()),
        failed => {
            let of = counted(report.files, "file", "files");
            Err(Error::Incomplete(format!("{failed} of {of} could not be brought in")))
        }
    }
}

/// A pack that some file needs.
#[derive(Debug, Default)]
struct Pack {
    done_bytes: u64,
    all_bytes: u64,
    has_failed: bool,
}

/// Packs asked for, and the files that wait for them.
struct Fetch {
    report: Report,
    packs: Vec<Pack>,
    /// Where each pack is among them.
    places: HashMap<String, usize>,
    waiting: Vec<(PathBuf, Vec<usize>)>,
    progress: Progress,
}

impl Fetch {
    fn new() -> Self {
        let (report, packs, places, waiting) = Default::default();
        Self { report, packs, places, waiting, progress: Progress::of("fetching", 0) }
    }

    /// Has the mount fetch what a path and all below it needs.
    fn ask_below(&mut self, path: &Path) -> Result<(), Error> {
        let of_path = |path: &Path, error| io_error(&format!("reading {}", path.shown()), error);
        let top = std::fs::metadata(path).map_err(|error| of_path(path, error))?;
        let mut found = vec![(path.to_owned(), top.clone())];
        while let Some((path, metadata)) = found.pop() {
            if metadata.is_file() {
                self.ask(path)?;
            } else if metadata.is_dir() && metadata.dev() == top.dev() {
                let below = entries(&path).map_err(|error| of_path(&path, error))?;
                found.extend(below);
            }
        }
        Ok(())
    }

    fn ask(&mut self, path: PathBuf) -> Result<(), Error> {
        let Some(told) = fetch_of(&path, FETCH_ATTRIBUTE)? else { return Ok(()) };
        self.report.files += 1;
        if told.waiting.is_empty() {
            self.finish(&path, &told);
        } else {
            let places = self.note(&told);
            self.waiting.push((path, places));
        }
        Ok(())
    }

    /// Takes note of packs that are waited for; gives their places.
    fn note(&mut self, told: &FileFetch) -> Vec<usize> {
        let waiting = told.waiting.iter();
        let places = waiting.map(|waiting| {
            let next = self.packs.len();
            let place = *self.places.entry(waiting.pack.clone()).or_insert(next);
            if place == next {
                self.packs.push(Pack::default());
            }
            let pack = &mut self.packs[place];
            (pack.done_bytes, pack.all_bytes) = (waiting.done_bytes, waiting.all_bytes);
            place
        });
        let places = places.collect();
        let of_all = |of: fn(&Pack) -> u64| self.packs.iter().map(of).sum();
        self.progress.set_of(of_all(|pack| pack.done_bytes), of_all(|pack| pack.all_bytes));
        places
    }

    /// Nothing more comes of this file's packs.
    fn finish(&mut self, path: &Path, told: &FileFetch) {
        let Some(first) = told.failed.first() else { return };
        let why = format!("pack {}: {}", first.pack, first.why);
        self.report.failed.push(FailedFile { path: path.display().to_string(), why });
        for failed in &told.failed {
            if let Some(place) = self.places.get(&failed.pack) {
                self.packs[*place].has_failed = true;
            }
        }
    }

    /// Waits for all that was asked for.
    fn wait(mut self) -> Result<Report, Error> {
        for (path, mut places) in std::mem::take(&mut self.waiting) {
            while let Some(told) = fetch_of(&path, FETCHING_ATTRIBUTE)? {
                let waiting = self.note(&told);
                for place in places.iter().filter(|place| !waiting.contains(place)) {
                    let pack = &mut self.packs[*place];
                    pack.done_bytes = pack.all_bytes;
                }
                if waiting.is_empty() {
                    self.finish(&path, &told);
                    break;
                }
                places = waiting;
                thread::sleep(LOOK_EVERY);
            }
        }
        let fetched = self.packs.iter().filter(|pack| !pack.has_failed);
        self.report.packs = fetched.clone().count() as u64;
        self.report.bytes = fetched.map(|pack| pack.all_bytes).sum();
        self.report.ok = self.report.failed.is_empty();
        Ok(self.report)
    }
}

fn entries(folder: &Path) -> io::Result<Vec<(PathBuf, Metadata)>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        match entry.metadata() {
            Ok(metadata) => entries.push((entry.path(), metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(entries)
}

fn check_in_mount(path: &Path) -> Result<(), Error> {
    let refuse = |why: &str| Err(Error::Usage(format!("{}: {why}", path.shown())));
    match getxattr(path, FETCHING_ATTRIBUTE, &mut [0; 0][..]) {
        // What has no content is not asked for it.
        Ok(_) | Err(Errno::INVAL | Errno::ISDIR) => Ok(()),
        Err(Errno::PERM) => refuse("only root and who has mounted this can have it fetched"),
        Err(Errno::NOTSUP | NO_XATTR) => refuse("this is in no mount of a vault"),
        Err(error) => Err(io_error(&format!("asking about {}", path.shown()), error.into())),
    }
}

/// What the mount tells of a file, if it is still there.
fn fetch_of(path: &Path, attribute: &str) -> Result<Option<FileFetch>, Error> {
    match answer(path, attribute) {
        Err(NoAnswer::Refused(Errno::NOENT)) => Ok(None),
        told => told
            .map(Some)
            .map_err(|error| io_error(&format!("asking about {}", path.shown()), error.into())),
    }
}

fn io_error(doing: &str, source: io::Error) -> Error {
    Error::Io { doing: doing.to_owned(), source }
}

fn described(report: &Report) -> String {
    let mut text = String::new();
    for failed in &report.failed {
        text.push_str(&format!("NOT HERE  {}: {}\n", failed.path.shown(), failed.why));
    }
    if report.packs > 0 {
        let packs = counted(report.packs, "pack", "packs");
        text.push_str(&format!("fetched {packs}, {}\n", bytes(report.bytes)));
    } else if report.ok {
        let files = counted(report.files, "file is", "files are");
        text.push_str(&format!("nothing to fetch: {files} here\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_and_what_did_not_is_told() {
        let here = Report { ok: true, files: 2, ..Report::default() };
        assert_eq!(described(&here), "nothing to fetch: 2 files are here\n");
        let failed = vec![FailedFile { path: "/m/a".to_owned(), why: "pack 1: no".to_owned() }];
        let report = Report { ok: false, files: 3, packs: 2, bytes: 5000, failed };
        assert_eq!(described(&report), "NOT HERE  /m/a: pack 1: no\nfetched 2 packs, 5.0 kB\n");
    }
}
