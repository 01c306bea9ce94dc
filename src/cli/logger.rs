//! Log messages on standard error. Nothing secret is ever logged, at any level (I6).

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::names::one_line;

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let said = record.args().to_string();
        let said = one_line(&said);
        match record.level() {
            Level::Error => eprintln!("hushfs: {said}"),
            Level::Warn => eprintln!("hushfs: warning: {said}"),
            Level::Info => eprintln!("hushfs: {said}"),
            Level::Debug | Level::Trace => eprintln!("hushfs: {}: {said}", record.target()),
        }
    }

    fn flush(&self) {}
}

/// Errors and warnings are always shown; each `-v` shows one more level.
pub fn start(verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::Warn,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    // A second call finds the logger of the first, which is the same.
    let _ = log::set_logger(&Stderr);
    log::set_max_level(level);
}
