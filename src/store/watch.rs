//! Whether names have come into a folder.

use std::fmt::Debug;

/// Tells of names that have come into a folder since the last time it was asked.
pub trait FolderWatch: Debug + Send {
    /// Whether a name has come that `counts`, or may have. Does not wait.
    fn has_news(&mut self, counts: &mut dyn FnMut(&str) -> bool) -> bool;
}

#[cfg(target_os = "linux")]
pub(super) use host::watch;

#[cfg(target_os = "linux")]
mod host {
    use std::io;
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::path::Path;

    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
    use rustix::io::Errno;

    use super::FolderWatch;

    /// An inotify watch.
    #[derive(Debug)]
    struct Events {
        inotify: OwnedFd,
        /// The folder is not watched any more: nothing more will come.
        is_over: bool,
    }

    /// Watches a folder for files that appear, by whatever means, or that somebody has written.
    pub(in super::super) fn watch(folder: &Path) -> io::Result<Box<dyn FolderWatch>> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let events = WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE;
        inotify::add_watch(&inotify, folder, events | WatchFlags::ONLYDIR)?;
        Ok(Box::new(Events { inotify, is_over: false }))
    }

    impl FolderWatch for Events {
        fn has_news(&mut self, counts: &mut dyn FnMut(&str) -> bool) -> bool {
            if self.is_over {
                return false;
            }
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut reader = Reader::new(&self.inotify, &mut buffer);
            let mut has_news = false;
            loop {
                match reader.next() {
                    Ok(event) => {
                        let lost = ReadFlags::QUEUE_OVERFLOW | ReadFlags::IGNORED;
                        self.is_over |= event.events().contains(ReadFlags::IGNORED);
                        let name = event.file_name().and_then(|name| name.to_str().ok());
                        has_news |=
                            event.events().intersects(lost) || name.is_some_and(&mut *counts);
                    }
                    Err(Errno::WOULDBLOCK | Errno::INTR) => return has_news,
                    Err(error) => {
                        log::debug!("inotify: {error}");
                        self.is_over = true;
                        return has_news;
                    }
                }
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_name_that_comes_is_news_once_and_only_if_it_counts() {
            let folder = tempfile::tempdir().unwrap();
            let mut watch = watch(folder.path()).unwrap();
            assert!(!watch.has_news(&mut |_| true));
            std::fs::write(folder.path().join("a"), "x").unwrap();
            std::fs::create_dir(folder.path().join("b")).unwrap();
            let mut seen = Vec::new();
            let mut counts = |name: &str| {
                seen.push(name.to_owned());
                name == "b"
            };
            assert!(watch.has_news(&mut counts));
            assert!(seen.contains(&"a".to_owned()));
            assert!(!watch.has_news(&mut |_| true));
            std::fs::rename(folder.path().join("a"), folder.path().join("c")).unwrap();
            assert!(watch.has_news(&mut |name| name == "c"));
            std::fs::remove_file(folder.path().join("c")).unwrap();
            assert!(!watch.has_news(&mut |_| true));
            std::fs::remove_dir_all(folder.path()).unwrap();
            assert!(watch.has_news(&mut |_| false), "the end is news");
            assert!(!watch.has_news(&mut |_| true));
        }
    }
}
