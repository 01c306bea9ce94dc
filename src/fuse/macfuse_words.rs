//! What macFUSE's program is told, and what it answers.

use std::path::Path;

use super::mount_helper::last_words;
use super::mount_point::{MountOptions, escape};
use super::permissions::Permissions;

/// The largest request; what is written is cut into such pieces.
const REQUEST_BYTES_MAX: u32 = 1 << 20;
/// How long an answer may take before macOS offers to eject the volume: the longest that macFUSE takes. A
/// full disk or a pack that is online only can take minutes.
const ANSWER_WITHIN_SECS: u32 = 600;
/// In the words of the program where its part in the kernel is missing.
const NOT_LOADED: &str = "file system is not available";

/// The comma-separated options for a mount at `path` of what is said to be `source`.
///
/// Neither `noappledouble` nor `noapplexattr` is among them: extended attributes are kept in the vault as
/// such, so that macOS has no need of `._` files for them, and Finder gives up copies where it may not set
/// its own.
pub(super) fn options_of(path: &Path, source: &str, options: &MountOptions) -> String {
    let volume = path.file_name().map_or_else(|| "hushfs".into(), |name| name.to_string_lossy());
    let mut told = vec![
        format!("volname={}", escape(&volume)),
        format!("fsname={}", escape(source)),
        format!("iosize={REQUEST_BYTES_MAX}"),
        format!("daemon_timeout={ANSWER_WITHIN_SECS}"),
    ];
    told.push(match options.permissions {
        Permissions::Checked => "default_permissions".to_owned(),
        Permissions::Unchecked => "defer_permissions".to_owned(),
    });
    let flags = [
        ("ro", options.read_only),
        ("nosuid", !options.suid),
        ("nodev", !options.dev),
        ("noexec", options.noexec),
        ("allow_other", options.allow_other),
    ];
    told.extend(flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag.to_owned()));
    told.join(",")
}

/// Why the program has not mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotMounted {
    /// Its part in the kernel is missing.
    NotLoaded,
    /// Anything else, in its words.
    Refused(String),
}

/// How a mount went, by how the program has ended, the status that it sent before (32 bits, 0 if all is
/// well; older ones send none), and what it wrote on standard error.
pub(super) fn outcome(is_success: bool, status: &[u8], stderr: &[u8]) -> Result<(), NotMounted> {
    let sent: Option<[u8; 4]> = status.try_into().ok();
    if is_success && sent.is_none_or(|status| status == [0; 4]) {
        return Ok(());
    }
    let words = last_words(stderr, "mount_macfuse");
    if words.as_ref().is_some_and(|words| words.contains(NOT_LOADED)) {
        return Err(NotMounted::NotLoaded);
    }
    Err(NotMounted::Refused(words.unwrap_or_else(|| match sent {
        Some(status) => format!("macFUSE says: error {}", i32::from_ne_bytes(status)),
        None => "macFUSE’s mount_macfuse failed, and did not say why".to_owned(),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_what_macfuse_reads() {
        let path = Path::new("/Users/ann/My, Chats");
        let options = MountOptions { noexec: true, ..MountOptions::default() };
        assert_eq!(
            options_of(path, "hushfs:/Users/ann/vault", &options),
            "volname=My\\, Chats,fsname=hushfs:/Users/ann/vault,iosize=1048576,daemon_timeout=600,\
             default_permissions,nosuid,nodev,noexec"
        );
        let options = MountOptions {
            permissions: Permissions::Unchecked,
            read_only: true,
            suid: true,
            dev: true,
            allow_other: true,
            ..MountOptions::default()
        };
        let told = options_of(Path::new("/"), "hushfs:a,b", &options);
        assert_eq!(
            told,
            "volname=hushfs,fsname=hushfs:a\\,b,iosize=1048576,daemon_timeout=600,\
             defer_permissions,ro,allow_other"
        );
    }

    #[test]
    fn a_mount_went_well_only_if_everything_says_so() {
        assert_eq!(outcome(true, &[], b""), Ok(()));
        assert_eq!(outcome(true, &[0; 4], b"a warning"), Ok(()));
        let refused = |why: &str| Err(NotMounted::Refused(why.to_owned()));
        let said = b"mount_macfuse: /x: Operation not permitted\n";
        assert_eq!(outcome(false, &[], said), refused("/x: Operation not permitted"));
        let one = 1_i32.to_ne_bytes();
        assert_eq!(outcome(true, &one, b""), refused("macFUSE says: error 1"));
        assert!(matches!(outcome(false, &[], b""), Err(NotMounted::Refused(_))));
        let said = b"mount_macfuse: the file system is not available (1)\n";
        assert_eq!(outcome(false, &[], said), Err(NotMounted::NotLoaded));
    }
}
