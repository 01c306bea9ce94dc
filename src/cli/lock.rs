//! `hushfs lock`: unmounts all that this user has mounted.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::error::Error;
use super::exit::ExitCode;
use super::names::Names;
use super::output::{print_at_once, say_error};
use super::status::mount_points_of_user;
use super::unmount::unmount;

/// Unmounts each mount, and goes on where one stays.
///
/// # Errors
/// [`Error::InUse`] if one is in use, or else [`Error::Incomplete`]: why each stays has been said.
pub(super) fn run() -> Result<(), Error> {
    let listing = |source| Error::Io { doing: "listing mounts".into(), source };
    let mut mount_points = mount_points_of_user().map_err(listing)?;
    // What is mounted within another keeps that one in use.
    mount_points.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    let mut stay: Vec<(PathBuf, ExitCode)> = Vec::new();
    let (count, names) = (mount_points.len(), Names::for_stdout());
    for path in mount_points {
        match unmount(&path).map_err(Error::from) {
            Ok(()) => {
                let mut line = b"locked ".to_vec();
                line.extend_from_slice(&names.written(path.as_os_str().as_bytes()));
                line.push(b'\n');
                // The rest is locked whether anybody reads this or not.
                let _ = print_at_once(&line);
            }
            Err(error) => {
                say_error(&error);
                stay.push((path, error.exit_code()));
            }
        }
    }
    verdict(&stay, count)
}

fn verdict(stay: &[(PathBuf, ExitCode)], count: usize) -> Result<(), Error> {
    match stay.len() {
        0 if count == 0 => println!("no vault is mounted"),
        0 => {}
        staying => {
            let sentence = format!("{staying} of {count} are not locked");
            return Err(match stay.iter().any(|(_, code)| *code == ExitCode::InUse) {
                true => Error::InUse(sentence),
                false => Error::Incomplete(sentence),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_decides_the_exit_code() {
        let code = |codes: &[ExitCode]| {
            let stay: Vec<_> = codes.iter().map(|code| (PathBuf::new(), *code)).collect();
            verdict(&stay, 3).map_err(|error| error.exit_code())
        };
        assert_eq!(code(&[]), Ok(()));
        assert_eq!(code(&[ExitCode::Failed]), Err(ExitCode::Failed));
        assert_eq!(code(&[ExitCode::Failed, ExitCode::InUse]), Err(ExitCode::InUse));
    }
}
