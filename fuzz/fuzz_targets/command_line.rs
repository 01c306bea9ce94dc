//! Command lines, a NUL after each argument: our own, mount(8)'s and fstab's forms, and what the
//! arguments' texts mean.
#![no_main]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use hushfs::cli::fuzzing;
use libfuzzer_sys::fuzz_target;

const ARGUMENTS_MAX: usize = 24;

fuzz_target!(|data: &[u8]| {
    let arguments = data.split(|byte| *byte == 0).take(ARGUMENTS_MAX);
    let arguments: Vec<OsString> =
        arguments.map(|argument| OsString::from_vec(argument.to_vec())).collect();
    fuzzing::command_line(arguments);
});
