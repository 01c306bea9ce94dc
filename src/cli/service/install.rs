//! `hushfs service install` and `uninstall`.

use std::ffi::OsString;
use std::io;

use crate::cli::args::UnlockArgs;
use crate::cli::args::{InstallArgs, UninstallArgs};
use crate::cli::descriptor::claimed_id;
use crate::cli::error::Error;
use crate::cli::exit::ExitCode;
use crate::cli::init::quoted;
use crate::cli::mount::absolute;
use crate::cli::mount_options::{MountOption, MountOptions};
use crate::cli::mounted::mount_point_of_vault;
use crate::cli::names::Shown as _;
use crate::cli::output::print;
use crate::cli::remembered::slot_remembered;
use crate::desktop::{Service, ServicePlaces, sleep_can_be_noticed};
use crate::store::{HostDisk, remove_loose_file};

use super::installed::{installed, write};
use super::manager::{Manager, Ours};

/// Has a vault mounted at login from now on.
///
/// # Errors
/// [`Error`]; nothing is installed then, unless the text says so.
pub(super) fn install(args: &InstallArgs) -> Result<(), Error> {
    let service = service(args)?;
    // One that is there already is not to be mounted twice.
    let now = !args.no_start && mount_point_of_vault(&service.places.vault)?.is_none();
    let path = write(&service)?;
    let mut text = format!("{} mounts the vault at login.\n", path.shown());
    match Ours::reach() {
        Some(manager) => {
            manager.add(&path, now).map_err(|why| {
                Error::Incomplete(format!(
                    "{} is there, but {} does not start it: {why}. {} says more, “hushfs service \
                     uninstall {}” removes it",
                    path.shown(),
                    Ours::NAME,
                    Ours::where_it_says_why(&path),
                    quoted(&args.vault)
                ))
            })?;
            text.push_str(match now {
                true => Ours::MOUNTED_NOW,
                false => "It does so from the next login on.\n",
            });
        }
        None => text.push_str(&match Ours::command_for_later(&Ours::file_name(&service)) {
            Some(command) => format!(
                "{} does not answer here, so it is not enabled yet. Once you are logged in:\n\n    \
                 {command}\n",
                Ours::NAME
            ),
            None => format!(
                "{} does not answer here, so it does so from the next login on.\n",
                Ours::NAME
            ),
        }),
    }
    print(io::stdout(), &text)
}

/// Has a vault not mounted at login any more.
///
/// # Errors
/// [`Error::Usage`] if there is no such service; [`Error::Store`], and it may still be there.
pub(super) fn uninstall(args: &UninstallArgs) -> Result<(), Error> {
    let place = absolute(&args.place)?;
    let mut services = installed()?;
    services.retain(|service| service.is_of(&place));
    if services.is_empty() {
        return Err(Error::Usage(format!(
            "no service mounts {}: “hushfs service status” lists what there is",
            place.shown()
        )));
    }
    let (mut text, manager) = (String::new(), Ours::reach());
    let told = |said: Result<(), String>| {
        said.unwrap_or_else(|why| log::warn!("{}: {why}", Ours::NAME));
    };
    for service in services {
        if let Some(manager) = &manager {
            // Where that is not to be known, it is left as it is.
            let mounted = mount_point_of_vault(&service.places.vault);
            told(manager.remove(&service.path, !matches!(mounted, Ok(None))));
        }
        remove_loose_file(&HostDisk, &service.path)?;
        text.push_str(&format!("Removed {}.\n", service.path.shown()));
    }
    if let Some(manager) = &manager {
        told(manager.notice_removal());
    }
    text.push_str("If it is mounted, it stays so until you unmount it or log out.\n");
    print(io::stdout(), &text)
}

fn service(args: &InstallArgs) -> Result<Service, Error> {
    let (vault, mount_point) = (absolute(&args.vault)?, absolute(&args.mountpoint)?);
    let id = claimed_id(&vault)?;
    if !mount_point.is_dir() {
        return Err(Error::Usage(format!("{} is no folder: make it first", mount_point.shown())));
    }
    let options: Vec<MountOption> = args.options.iter().map(|(option, _)| option.clone()).collect();
    let MountOptions { unlock, state_dir, lock_on_suspend, .. } =
        MountOptions::gather(&options, &args.unlock)?;
    let unlocks_alone = slot_remembered(&id).is_some() && !unlock.no_keyring;
    if unlock.is_silent() && !unlocks_alone {
        return Err(Error::Usage(format!(
            "nobody is there at login to ask for the password: have this device remember it (“hushfs \
             remember {}”), or pass --password-command, --password-file or --key-file",
            quoted(&args.vault)
        )));
    }
    let program = std::env::current_exe()
        .map_err(|source| Error::Io { doing: "finding this program".into(), source })?;
    let mut arguments: Vec<OsString> = ["mount", "--foreground"].map(OsString::from).to_vec();
    arguments.extend(Ours::MOUNT_FLAGS.iter().map(OsString::from));
    arguments.extend(unlocking(&unlock)?);
    if let Some(folder) = &state_dir {
        arguments.extend(["--state-dir".into(), absolute(folder)?.into()]);
    }
    if lock_on_suspend || args.lock_on_suspend {
        sleep_can_be_noticed()?;
    }
    if args.lock_on_suspend {
        arguments.push("--lock-on-suspend".into());
    }
    // The unit starts in another folder, and a path may hold a comma: what names files stands above.
    let others = args.options.iter().filter(|(option, _)| !option.is_of_unlocking_or_state());
    for (_, text) in others {
        arguments.extend(["-o".into(), text.into()]);
    }
    arguments.extend(["--".into(), vault.clone().into(), mount_point.clone().into()]);
    let places = ServicePlaces { vault, mount_point };
    let lasting_exit_codes = ExitCode::LASTING.map(ExitCode::number).to_vec();
    Ok(Service { id: id.to_string(), program, arguments, lasting_exit_codes, places })
}

fn unlocking(how: &UnlockArgs) -> Result<Vec<OsString>, Error> {
    let UnlockArgs { password_file, password_command, key_file, no_keyring, .. } = how;
    let mut arguments: Vec<OsString> = Vec::new();
    for (flag, file) in [("--password-file", password_file), ("--key-file", key_file)] {
        if let Some(file) = file {
            arguments.extend([flag.into(), absolute(file)?.into()]);
        }
    }
    if let Some(command) = password_command {
        arguments.extend(["--password-command".into(), command.into()]);
    }
    if *no_keyring {
        arguments.push("--no-keyring".into());
    }
    if how.wants_key_vault() {
        arguments.push("--keyvault".into());
    }
    Ok(arguments)
}
