//! `hushfs service install` and `uninstall`.

use std::ffi::OsString;
use std::fs;
use std::io;

use crate::cli::args::UnlockArgs;
use crate::cli::args::{InstallArgs, UninstallArgs};
use crate::cli::descriptor::claimed_id;
use crate::cli::error::Error;
use crate::cli::init::quoted;
use crate::cli::mount::absolute;
use crate::cli::mount_options::{MountOption, MountOptions};
use crate::cli::mounted::mount_point_of_vault;
use crate::cli::names::Shown as _;
use crate::cli::output::print;
use crate::cli::remembered::slot_remembered;
use crate::desktop::Service;

use super::manager::Manager;
use super::units::{installed, write_unit};

/// Has a vault mounted at login from now on.
///
/// # Errors
/// [`Error`]; nothing is installed then, unless the text says so.
pub(super) fn install(args: &InstallArgs) -> Result<(), Error> {
    let service = service(args)?;
    if !service.can_be_unit() {
        return Err(Error::Usage(format!(
            "systemd runs no program whose path has quotes, backslashes or control characters: put {} \
             elsewhere",
            service.program.shown()
        )));
    }
    let name = service.unit_name();
    let path = write_unit(&name, &service.unit())?;
    let mut text = format!("{} mounts the vault at login.\n", path.shown());
    match Manager::reach() {
        Some(manager) => {
            // One that is there already is not to be mounted twice.
            let is_mounted = mount_point_of_vault(&service.vault)?.is_some();
            let enable: &[&str] = match is_mounted || args.no_start {
                true => &["enable", &name],
                false => &["enable", "--now", &name],
            };
            let done = manager.call(&["daemon-reload"]).and_then(|_| manager.call(enable));
            done.map_err(|why| {
                Error::Incomplete(format!(
                    "{} is there, but systemd does not start it: {why}. “journalctl --user -u \
                     {name}” says more, “hushfs service uninstall {}” removes it",
                    path.shown(),
                    quoted(&args.vault)
                ))
            })?;
            text.push_str(match is_mounted || args.no_start {
                true => "It does so from the next login on.\n",
                false => "It is mounted now.\n",
            });
        }
        None => text.push_str(&format!(
            "systemd does not answer here, so it is not enabled yet. Once you are logged in:\n\n    \
             systemctl --user enable --now {name}\n"
        )),
    }
    print(io::stdout(), &text)
}

/// Has a vault not mounted at login any more.
///
/// # Errors
/// [`Error::Usage`] if there is no such service; [`Error::Io`], and it may still be there.
pub(super) fn uninstall(args: &UninstallArgs) -> Result<(), Error> {
    let place = absolute(&args.place)?;
    let mut units = installed()?;
    units.retain(|unit| unit.is_of(&place));
    if units.is_empty() {
        return Err(Error::Usage(format!(
            "no service mounts {}: “hushfs service status” lists what there is",
            place.shown()
        )));
    }
    let (mut text, manager) = (String::new(), Manager::reach());
    for unit in units {
        // By its link it would be started still.
        if let Some(manager) = &manager
            && let Err(why) = manager.call(&["disable", &unit.name])
        {
            log::warn!("systemd: {why}");
        }
        let removing =
            |source| Error::Io { doing: format!("removing {}", unit.path.shown()), source };
        fs::remove_file(&unit.path).map_err(removing)?;
        text.push_str(&format!("Removed {}.\n", unit.path.shown()));
    }
    if let Some(manager) = &manager
        && let Err(why) = manager.call(&["daemon-reload"])
    {
        log::warn!("systemd: {why}");
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
    let MountOptions { unlock, state_dir, .. } = MountOptions::gather(&options, &args.unlock)?;
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
    arguments.extend(unlocking(&unlock)?);
    if let Some(folder) = &state_dir {
        arguments.extend(["--state-dir".into(), absolute(folder)?.into()]);
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
    Ok(Service { id: id.to_string(), program, arguments, vault, mount_point })
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
