//! Command lines as mount(8) and fstab write them, turned into ours.
//!
//! Decision: `hushfs VAULT MOUNTPOINT -o OPTIONS` is what the helper `mount.fuse` runs for
//! `mount -t fuse.hushfs`, so that form is understood without a command's name. As `mount.hushfs`
//! or `mount.fuse.hushfs` the program is called by mount(8) itself, whose short flags mean other
//! things than ours: `-f` is “fake”, not “foreground”.

use std::ffi::OsString;
use std::path::Path;

use clap::CommandFactory;

use super::args::CommandLine;

/// A command line in our own form.
#[derive(Debug, PartialEq, Eq)]
pub struct Invocation {
    /// With the program's name first.
    pub arguments: Vec<OsString>,
    /// mount(8) wants everything but the mount itself.
    pub fake: bool,
}

/// `arguments` in our own form; what needs no change comes back as it is.
pub fn as_invoked(arguments: Vec<OsString>) -> Invocation {
    let name = arguments.first().and_then(|program| Path::new(program).file_name());
    if name.is_some_and(|name| name == "mount.hushfs" || name == "mount.fuse.hushfs") {
        return from_mount_helper(arguments);
    }
    let arguments = match is_nameless_mount(&arguments) {
        true => with_mount(arguments),
        false => arguments,
    };
    Invocation { arguments, fake: false }
}

/// Two operands, at least one `-o`, and the first operand is no command.
fn is_nameless_mount(arguments: &[OsString]) -> bool {
    let mut operands = Vec::new();
    let mut options = false;
    let mut rest = arguments.iter().skip(1);
    while let Some(argument) = rest.next() {
        let bytes = argument.as_encoded_bytes();
        match bytes {
            b"-o" => {
                options = true;
                rest.next();
            }
            [b'-', b'o', ..] => options = true,
            [b'-', _, ..] => {}
            _ => operands.push(argument),
        }
    }
    let command = CommandLine::command();
    options
        && operands.len() == 2
        && operands[0] != "help"
        && !command.get_subcommands().any(|known| operands[0] == known.get_name())
}

/// `mount.TYPE VAULT MOUNTPOINT [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]`, from mount(8).
///
/// Decision: mount(8) has `suid` and `dev` unless told otherwise, and passes neither on even when
/// they are written out; only `nosuid` and `nodev` reach a helper. So here they are the default, as
/// with the helper of libfuse, though `hushfs mount` has them off.
fn from_mount_helper(arguments: Vec<OsString>) -> Invocation {
    let mut kept = Vec::with_capacity(arguments.len());
    let mut fake = false;
    let mut rest = arguments.into_iter();
    kept.extend(rest.next());
    kept.push("-osuid,dev".into());
    while let Some(argument) = rest.next() {
        match argument.as_encoded_bytes() {
            b"-t" => {
                rest.next();
            }
            b"-o" => {
                kept.push(argument);
                kept.extend(rest.next());
            }
            [b'-', flags @ ..]
                if !flags.is_empty() && flags.iter().all(|flag| b"sfnv".contains(flag)) =>
            {
                fake |= flags.contains(&b'f');
                if flags.contains(&b'v') {
                    kept.push("-v".into());
                }
            }
            _ => kept.push(argument),
        }
    }
    Invocation { arguments: with_mount(kept), fake }
}

fn with_mount(mut arguments: Vec<OsString>) -> Vec<OsString> {
    arguments.insert(1.min(arguments.len()), "mount".into());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invoked(line: &str) -> (String, bool) {
        let Invocation { arguments, fake } =
            as_invoked(line.split(' ').map(OsString::from).collect());
        let words: Vec<_> = arguments.iter().map(|a| a.to_str().unwrap()).collect();
        (words.join(" "), fake)
    }

    #[test]
    fn two_operands_and_options_are_a_mount() {
        for (line, expected) in [
            ("hushfs v m -o rw,dev", "hushfs mount v m -o rw,dev"),
            ("hushfs -orw v m", "hushfs mount -orw v m"),
            ("hushfs -v v -o rw m -o ro", "hushfs mount -v v -o rw m -o ro"),
        ] {
            assert_eq!(invoked(line), (expected.to_owned(), false));
        }
        for line in [
            "hushfs",
            "hushfs v m",
            "hushfs v -o rw",
            "hushfs mount v m -o rw",
            "hushfs mount v -o rw",
            "hushfs help mount -o x",
            "hushfs --help",
        ] {
            assert_eq!(invoked(line), (line.to_owned(), false));
        }
    }

    #[test]
    fn as_a_mount_helper_the_flags_are_those_of_mount_8() {
        assert_eq!(
            invoked("/sbin/mount.hushfs v m -sn -o rw,noauto -t fuse.hushfs"),
            ("/sbin/mount.hushfs mount -osuid,dev v m -o rw,noauto".to_owned(), false)
        );
        assert_eq!(
            invoked("/sbin/mount.fuse.hushfs v m -fv"),
            ("/sbin/mount.fuse.hushfs mount -osuid,dev v m -v".to_owned(), true)
        );
        assert_eq!(invoked("mount.hushfs"), ("mount.hushfs mount -osuid,dev".to_owned(), false));
    }
}
