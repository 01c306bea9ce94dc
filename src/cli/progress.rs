//! A progress bar for whoever sits at a terminal; nothing for anybody else.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::animates;

/// How far something long has come.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    doing: &'static str,
    /// Files that are done.
    files: AtomicU64,
}

impl Progress {
    /// Of `all_bytes`; shown on standard error if that is a terminal where something may move.
    pub(super) fn of(doing: &'static str, all_bytes: u64) -> Self {
        let bar = animates(&io::stderr()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(all_bytes), ProgressDrawTarget::stderr());
            let template = "{msg} {bar:30} {bytes}/{total_bytes} ({eta} left)";
            bar.with_style(
                ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            )
            .with_message(doing)
        });
        Self { bar, doing, files: AtomicU64::new(0) }
    }

    /// One more file is done.
    pub(super) fn finish_file(&self) {
        let files = self.files.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} {files} files,", self.doing));
        }
    }

    /// So many of all objects are done now, and so many bytes.
    pub(super) fn set_objects(&self, done: u64, all: u64, done_bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{} {done} of {all} objects,", self.doing));
            bar.set_position(done_bytes);
        }
    }

    /// Of things whose number is not known yet.
    pub(super) fn counting(doing: &'static str) -> Self {
        let bar = Self::of(doing, 0);
        if let Some(bar) = &bar.bar
            && let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}")
        {
            bar.set_style(style);
        }
        bar
    }

    /// So many of all are done now.
    pub(super) fn set_of(&self, done: u64, all: u64) {
        if let Some(bar) = &self.bar {
            bar.set_length(all);
            bar.set_position(done);
        }
    }

    /// So many bytes are done now.
    pub(super) fn set(&self, done_bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(done_bytes);
        }
    }

    /// So many more bytes are done.
    pub(super) fn advance(&self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
