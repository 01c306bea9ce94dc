//! The thread that flushes what nobody asked to have flushed, and publishes in time.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::error::FsError;
use super::file_system::{Asked, FileSystem, lock};
use super::live::{FlushTo, Live};
use super::sync::{Instant, thread};
use crate::format::{DeviceId, LOG_FOLDER, ObjectName, objects_named_by};
use crate::store::{FolderWatch, LastEnd, holds_unpublished};

/// How often the thread looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A change waits in memory no longer than this.
const FLUSH_AFTER: Duration = Duration::from_secs(1);
/// Published when nothing has changed for this long …
const QUIET_FOR: Duration = Duration::from_secs(5);
/// … or when something has waited for this long.
const PUBLISH_AFTER: Duration = Duration::from_secs(60);
/// How often the vault folder is looked at where nothing tells what comes …
const ARRIVALS_EVERY: Duration = Duration::from_secs(60);
/// … and where something is awaited.
const AWAITED_EVERY: Duration = Duration::from_secs(5);

impl FileSystem {
    /// Starts the thread; [`Self::shut_down`] ends it.
    ///
    /// # Errors
    /// [`FsError::Disk`] if the system has no thread left.
    pub fn start_background(self: &Arc<Self>) -> Result<(), FsError> {
        let weak = Arc::downgrade(self);
        let thread = thread::Builder::new().name("hushfs-publish".into());
        let handle = thread
            .spawn(move || run(&weak))
            .map_err(|error| FsError::Disk(format!("no thread to publish with: {error}")))?;
        *lock(&self.background.thread) = Some(handle);
        Ok(())
    }

    /// Ends the thread and publishes everything. Further changes are refused. How it went is
    /// written down for whoever waits for the end of the mount.
    ///
    /// # Errors
    /// [`FsError`]: not everything is in the vault; the rest is in the state folder, and comes
    /// back with the next mount.
    pub fn shut_down(&self) -> Result<(), FsError> {
        self.fetches.end();
        lock(&self.background.asked).end = true;
        self.background.changed.notify_all();
        if let Some(thread) = lock(&self.background.thread).take() {
            thread.join().unwrap_or_else(|_| log::error!("the publishing thread had panicked"));
        }
        if let Some(thread) = lock(&self.background.collector).take() {
            thread.join().unwrap_or_else(|_| log::error!("the collecting thread had panicked"));
        }
        let is_writable = self.read_live().is_ok_and(|live| live.writing.is_some());
        let result = if is_writable { self.publish_last() } else { Ok(()) };
        if let Err(error) = &result {
            // What cannot be published is at least made durable where it is.
            let seq = self.write_live().and_then(|mut live| {
                for ino in live.pending_files() {
                    live.prepare(ino, FlushTo::Pack)?;
                }
                live.write_batch()?;
                Ok(live.writing()?.journal.next_seq())
            });
            let kept = seq.and_then(|seq| self.make_durable(seq));
            log::error!("not everything is in the vault: {error}; kept here: {kept:?}");
        }
        if let Ok(mut live) = self.write_live() {
            live.read_only.get_or_insert_with(|| "unmounted".into());
        }
        if let Some(state) = self.state.as_ref().filter(|_| self.lock.is_some()) {
            let message = result.as_ref().err().map_or(String::new(), FsError::to_string);
            // A mount that did not write leaves what an earlier one left.
            let unpublished =
                if is_writable { result.is_err() } else { holds_unpublished(state.root()) };
            let end = LastEnd { ok: result.is_ok(), unpublished, message };
            state.set_last_end(Some(&end)).unwrap_or_else(|error| log::warn!("{error}"));
        }
        result
    }

    /// Has a pack that has filled up since the last time brought on its way, while more is written:
    /// by the time somebody syncs, most of it is on the disk.
    pub(super) fn ask_for_full_packs(&self, live: &mut Live) {
        let has_news = live.writing.as_mut().is_some_and(|writing| writing.stage.take_news());
        if has_news {
            lock(&self.background.asked).full_packs = true;
            self.background.changed.notify_all();
        }
    }

    /// Flushes and publishes what is due.
    pub(super) fn do_what_is_due(&self) -> Result<(), FsError> {
        let now = Instant::now();
        let (has_packs, publish_now) = {
            let mut live = self.write_live()?;
            if live.writing.is_none() || live.read_only.is_some() {
                return Ok(());
            }
            let due = |changed: Option<Instant>| changed.is_some_and(|at| now - at >= FLUSH_AFTER);
            let files: Vec<_> =
                live.dirty.iter().filter(|(_, f)| due(f.changed)).map(|(ino, _)| *ino).collect();
            for ino in files {
                live.prepare(ino, FlushTo::Pack)?;
            }
            live.write_batch()?;
            let waited = |since: Option<Instant>, at_least| {
                since.is_some_and(|since| now.saturating_duration_since(since) >= at_least)
            };
            let is_full = live.writing()?.journal.is_full();
            let is_quiet = waited(Some(live.last_change), QUIET_FOR);
            let since = live.unpublished_since;
            let publish_now =
                since.is_some() && (is_full || is_quiet || waited(since, PUBLISH_AFTER));
            (live.writing()?.stage.waiting().next().is_some(), publish_now)
        };
        let retry = lock(&self.publisher).pending.is_some();
        if publish_now || retry {
            self.publish()
        } else if has_packs {
            self.publish_full_packs()
        } else {
            Ok(())
        }
    }
}

/// Whether a file of this name may be a log object of another device, or a sync client's copy of one.
fn may_be_of_another(name: &str, device: DeviceId) -> bool {
    let mut objects = objects_named_by(name).into_iter();
    objects.any(|object| matches!(object, ObjectName::Log(_, by, _) if by != device))
}

/// Looks for what other devices publish: as soon as something comes, where that is told, and from time
/// to time.
#[derive(Debug, Default)]
struct Lookout {
    watch: Option<Box<dyn FolderWatch>>,
    last: Option<Instant>,
}

impl Lookout {
    /// Takes what has arrived, if it is time to look.
    fn look(&mut self, fs: &FileSystem) {
        let device = lock(&fs.publisher).device;
        let mut is_others = |name: &str| may_be_of_another(name, device);
        let has_news = self.watch.as_mut().is_some_and(|watch| watch.has_news(&mut is_others));
        let pause = if lock(&fs.awaited).is_nothing() { ARRIVALS_EVERY } else { AWAITED_EVERY };
        if !has_news && self.last.is_some_and(|last| last.elapsed() < pause) {
            return;
        }
        self.last = Some(Instant::now());
        let folder = fs.vault.place(LOG_FOLDER);
        if has_news || self.watch.is_none() {
            // Perhaps it is a new folder under the old name.
            self.watch = fs.vault.disk().watch(&folder);
        }
        if let Err(error) = fs.take_arrivals() {
            log::debug!("what has arrived is not to be seen: {error}");
        }
    }
}

fn run(weak: &Weak<FileSystem>) {
    let mut failed = false;
    let mut lookout = Lookout::default();
    loop {
        let Some(fs) = weak.upgrade() else { return };
        let pause = if failed { QUIET_FOR } else { LOOK_EVERY };
        let goes_on = |asked: &mut Asked| !asked.end && (failed || !asked.full_packs);
        let (asked, changed) = (lock(&fs.background.asked), &fs.background.changed);
        let Ok((mut asked, _)) = changed.wait_timeout_while(asked, pause, goes_on) else { return };
        if asked.end {
            return;
        }
        asked.full_packs = false;
        drop(asked);
        lookout.look(&fs);
        let result = fs.do_what_is_due().and_then(|()| fs.start_collection_if_due());
        failed = result.is_err();
        if let Err(error) = result {
            log::warn!("not published yet: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{LogKind, log_name};

    #[test]
    fn a_log_object_of_another_device_is_news_under_whatever_name() {
        let (one, other) = (DeviceId(0xab), DeviceId(0xcd));
        let name = log_name(LogKind::Increment, one, 3);
        let names = [name.clone(), name.replace(".log", " (1).log"), name.to_uppercase()];
        for name in names {
            assert!(may_be_of_another(&name, other) && !may_be_of_another(&name, one), "{name}");
        }
        assert!(!may_be_of_another("holiday.jpg", one));
    }
}
