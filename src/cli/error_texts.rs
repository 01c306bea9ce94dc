//! Every error that has a type of its own, as a person reads it: `error_texts.txt` has the exit code and the
//! text of each. `HUSHFS_WRITE_TEXTS=1 cargo test --lib error_texts` writes it anew.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;

use crate::cli::ask::AskError;
use crate::cli::error::Error;
use crate::cli::holders::Holder;
use crate::cli::init::InitError;
use crate::cli::keys::KeyError;
use crate::cli::secrets::SecretsError;
use crate::cli::status::StatusError;
use crate::cli::unlock::{Tried, UnlockError};
use crate::cli::unmount::UnmountError;
use crate::crypto::{Cost, StretchError};
use crate::desktop::KeyringError;
use crate::format::{FormatError, KeyTextError, SlotError};
use crate::fs::{
    DamagedObject, FsError, HistoryError, OpenError, RekeyError, RepairError, SlotChangeError,
    UndeleteError,
};
use crate::fuse::{MountError, SessionError, StillMounted};
use crate::keyvault::client::ClientError;
use crate::keyvault::protocol::Refused;
use crate::store::{LockHolder, LockedBy, StoreError};

/// A value for each case of an enum; a case that is left out does not compile.
macro_rules! every {
    ($kind:ident: $($case:ident $fields:tt = $value:expr),* $(,)?) => {{
        #[allow(dead_code, reason = "only to be compiled")]
        fn is_one_of_these(error: &$kind) {
            match error {
                $($kind::$case { .. } => {})*
            }
        }
        let all: Vec<$kind> = vec![$($value),*];
        all.into_iter().map(Error::from).collect::<Vec<Error>>()
    }};
}

fn vault() -> PathBuf {
    "/home/ann/vault".into()
}

fn mnt() -> PathBuf {
    "/home/ann/Chats".into()
}

fn text() -> String {
    "WHY".to_owned()
}

fn denied() -> io::Error {
    io::ErrorKind::PermissionDenied.into()
}

fn store() -> StoreError {
    StoreError::Missing(vault())
}

fn stretch() -> StretchError {
    StretchError::OutOfMemory { memory_kib: 65_536 }
}

fn unlocking() -> Vec<Error> {
    let newer = FormatError::Newer { found: 2, known: 1 };
    let few = KeyTextError::TooFew { digits: 60 };
    let mut all = every!(UnlockError:
        NotAVault {} = UnlockError::NotAVault { vault: vault() },
        Unfinished {} = UnlockError::Unfinished { vault: vault() },
        Newer {} = UnlockError::Newer { vault: vault(), source: newer },
        NewerSlots {} = UnlockError::NewerSlots { vault: vault(), tried: Tried::Password },
        DescriptorDamaged {} =
            UnlockError::DescriptorDamaged { vault: vault(), source: FormatError::NotThisKind },
        NoSlots {} = UnlockError::NoSlots { vault: vault() },
        SlotsDamaged {} =
            UnlockError::SlotsDamaged { tried: Tried::Either, slots: vec!["keys/1.key".into()] },
        ForeignSlots {} = UnlockError::ForeignSlots { vault: vault() },
        Wrong {} = UnlockError::Wrong { tried: Tried::Key, hint: Some(few) },
        NoSuchWay {} = UnlockError::NoSuchWay { vault: vault(), tried: Tried::Key },
        KeyVaultNeeded {} = UnlockError::KeyVaultNeeded { vault: vault(), there: true },
        KeyVault {} = UnlockError::KeyVault(ClientError::WrongPassword { guesses_left: 3 }),
        Stretch {} = UnlockError::Stretch(stretch()),
    );
    all.push(UnlockError::KeyVaultNeeded { vault: vault(), there: false }.into());
    let address = || "vault.example:7437".to_owned();
    let of_key_vaults = [
        ClientError::Address("a b".into()),
        ClientError::Unreachable { address: address(), source: denied() },
        ClientError::NotAKeyVault { address: address(), what: text() },
        ClientError::WrongPassword { guesses_left: 9 },
        ClientError::WrongPassword { guesses_left: 1 },
        ClientError::WrongPassword { guesses_left: 0 },
        ClientError::Refused(Refused::Destroyed),
        ClientError::Refused(Refused::Gone),
    ];
    all.extend(of_key_vaults.map(|error| UnlockError::KeyVault(error).into()));
    all.push(UnlockError::Wrong { tried: Tried::Password, hint: None }.into());
    let below = StretchError::BelowFloor { cost: Cost::Memory, found: 1, floor: 2 };
    let above = StretchError::AboveCeiling { cost: Cost::Memory, found: 2, ceiling: 1 };
    all.extend([below, above].map(|error| UnlockError::Stretch(error).into()));
    let place = || "/home/ann/key".to_owned();
    let stray = KeyTextError::StrayLetter { letter: 'x', position: 5, group: 2 };
    all.extend(every!(SecretsError:
        Unreadable {} =
            SecretsError::Unreadable { what: "password", place: place(), source: denied() },
        Empty {} = SecretsError::Empty { place: place() },
        TooLong {} = SecretsError::TooLong { place: place() },
        CommandFailed {} = SecretsError::CommandFailed { status: ExitStatus::from_raw(256) },
        NotAKey {} = SecretsError::NotAKey { path: place().into(), source: stray },
    ));
    all.extend(every!(AskError:
        Ended {} = AskError::Ended,
        Interrupted {} = AskError::Interrupted,
        Io {} = AskError::Io(denied()),
    ));
    all
}

fn making() -> Vec<Error> {
    let mut all = every!(InitError:
        NoParent {} = InitError::NoParent { vault: vault() },
        NotAFolder {} = InitError::NotAFolder { vault: vault() },
        AlreadyAVault {} = InitError::AlreadyAVault { vault: vault() },
        Unfinished {} = InitError::Unfinished { vault: vault() },
        NotEmpty {} = InitError::NotEmpty { vault: vault(), found: "photo.jpg".into() },
        KeyFileExists {} = InitError::KeyFileExists { path: "/home/ann/key".into() },
        KeyInVault {} = InitError::KeyInVault { path: vault().join("key") },
        Declined {} = InitError::Declined,
        Stretch {} = InitError::Stretch(stretch()),
    );
    let found = || "0a1b2c3d password, 4e5f6a7b password".to_owned();
    let slot = || "0a1b2c3d".to_owned();
    all.extend(every!(KeyError:
        NoSuchSlot {} = KeyError::NoSuchSlot { vault: vault(), slot: slot() },
        Ambiguous {} = KeyError::Ambiguous { slot: "0a".into(), found: found() },
        WhichSlot {} = KeyError::WhichSlot { vault: vault(), found: found() },
        LastSlot {} = KeyError::LastSlot { slot: slot(), vault: vault() },
        NoneRelied {} = KeyError::NoneRelied { vault: vault() },
        OnlyKeyrings {} = KeyError::OnlyKeyrings { vault: vault() },
        OnlyKeyVaults {} = KeyError::OnlyKeyVaults { vault: vault() },
        NotRemembered {} = KeyError::NotRemembered { vault: vault() },
        Keyring {} = KeyError::Keyring(KeyringError::NoKeyring),
        NotMounted {} = KeyError::NotMounted { vault: vault() },
        Mount {} = KeyError::Mount { mount_point: mnt(), why: text() },
        NotInPlace {} = KeyError::NotInPlace { path: vault().join("keys/1.key"), why: text() },
        InMount {} = KeyError::InMount { path: mnt().join("key") },
        Change {} = KeyError::Change(SlotChangeError::TooMany),
        Stretch {} = KeyError::Stretch(stretch()),
        Declined {} = KeyError::Declined,
    ));
    let changes = [
        SlotChangeError::Store(store()),
        SlotChangeError::NotThisVault(vault()),
        SlotChangeError::Unfit(SlotError::OtherVault),
        SlotChangeError::NotReadBack(vault().join("keys/1.key")),
    ];
    all.extend(changes.map(|change| KeyError::Change(change).into()));
    let keyrings = [
        KeyringError::NoBus(text()),
        KeyringError::NoDefault,
        KeyringError::Locked,
        KeyringError::NoEntry,
        KeyringError::NotKept,
        KeyringError::Refused(text()),
    ];
    all.extend(keyrings.map(|error| KeyError::Keyring(error).into()));
    all
}

fn opening() -> Vec<Error> {
    let full = Arc::new(io::Error::from(io::ErrorKind::StorageFull));
    let mut all = every!(StoreError:
        Missing {} = store(),
        Exists {} = StoreError::Exists(vault()),
        Full {} = StoreError::Full(vault()),
        TooLong {} = StoreError::TooLong { path: vault(), bytes: 5000, max_bytes: 4096 },
        Format {} = StoreError::Format { path: vault(), source: FormatError::Misplaced },
        Io {} = StoreError::Io { action: "cannot write", path: vault(), source: full },
    );
    let holder = LockHolder { pid: 42, mountpoint: "/home/ann/Chats".into() };
    let locked = || LockedBy::Other(Box::new(None));
    all.extend(every!(LockedBy:
        Other {} = LockedBy::Other(Box::new(Some(holder))),
        Store {} = LockedBy::Store(store()),
    ));
    all.extend(every!(OpenError:
        Locked {} = OpenError::Locked(locked()),
        Store {} = OpenError::Store(store()),
        Damaged {} = OpenError::Damaged(vec!["one thing".into(), "another".into()]),
        RolledBack {} = OpenError::RolledBack(vec!["one thing".into(), "another".into()]),
        JournalDamaged {} = OpenError::JournalDamaged(text()),
        Fs {} = OpenError::Fs(FsError::NoSpace),
    ));
    let id = || "c0ffee12".to_owned();
    let time = || "2026-11-24T18:30:05Z".to_owned();
    all.extend(every!(HistoryError:
        NoSuchId {} = HistoryError::NoSuchId(id()),
        Ambiguous {} = HistoryError::Ambiguous { id: "c0".into(), count: 2 },
        Collected {} = HistoryError::Collected(time()),
        BeforeTheFirst {} = HistoryError::BeforeTheFirst(time()),
        Empty {} = HistoryError::Empty,
        Gone {} = HistoryError::Gone,
    ));
    let path = || "2026/a.jpg".to_owned();
    let object = || "data/0a/0a1b.pack".to_owned();
    let objects = || vec![DamagedObject { object: object(), what: text(), files: vec![path()] }];
    all.extend(every!(RekeyError:
        Store {} = RekeyError::Store(store()),
        Damaged {} = RekeyError::Damaged(objects()),
        NotArrived {} = RekeyError::NotArrived(objects()),
        Newer {} = RekeyError::Newer(vec![text()]),
        OnlineOnly {} = RekeyError::OnlineOnly(object(), text()),
        Unread {} = RekeyError::Unread(text()),
        NotTheSame {} = RekeyError::NotTheSame { object: object(), why: text() },
        NotWhole {} = RekeyError::NotWhole(objects()),
        Differs {} = RekeyError::Differs(text()),
    ));
    all.extend(every!(UndeleteError:
        History {} = UndeleteError::History(HistoryError::Empty),
        NowhereThere {} = UndeleteError::NowhereThere(path()),
        NotThere {} = UndeleteError::NotThere { path: path(), state: time() },
        FolderIsThere {} = UndeleteError::FolderIsThere(path()),
        Root {} = UndeleteError::Root,
        Fs {} = UndeleteError::Fs(FsError::ReadOnly(text())),
    ));
    all.extend(every!(RepairError:
        Store {} = RepairError::Store(store()),
        Unpublished {} = RepairError::Unpublished(text()),
        Unfit {} = RepairError::Unfit(text()),
        Changed {} = RepairError::Changed("log/1.log".into()),
        NoState {} = RepairError::NoState,
    ));
    all
}

fn mounting() -> Vec<Error> {
    let mut all = every!(MountError:
        NoDevice {} = MountError::NoDevice,
        DeviceNotAllowed {} = MountError::DeviceNotAllowed,
        NoFusermount {} = MountError::NoFusermount,
        NoMacFuse {} = MountError::NoMacFuse,
        ExtensionNotAllowed {} = MountError::ExtensionNotAllowed,
        Missing {} = MountError::Missing(mnt()),
        NotFolder {} = MountError::NotFolder(mnt()),
        NotEmpty {} = MountError::NotEmpty(mnt()),
        AlreadyMounted {} = MountError::AlreadyMounted(mnt()),
        Dead {} = MountError::Dead { path: mnt(), why: text() },
        OtherUsersNotAllowed {} = MountError::OtherUsersNotAllowed,
        Refused {} = MountError::Refused { path: mnt(), why: text() },
    );
    all.extend(every!(SessionError:
        Handshake {} = SessionError::Handshake(denied()),
        System {} = SessionError::System(denied()),
        NotMounted {} = SessionError::NotMounted(text()),
    ));
    all.extend(every!(StatusError:
        Path {} = StatusError::Path { path: mnt(), why: denied() },
        NotMountPoint {} = StatusError::NotMountPoint(mnt()),
        NotOurs {} = StatusError::NotOurs { path: mnt(), fs_type: "ext4".into() },
        NotAllowed {} = StatusError::NotAllowed(mnt()),
        Dead {} = StatusError::Dead { path: mnt() },
        NotUnderstood {} = StatusError::NotUnderstood(mnt()),
    ));
    let holder = || Holder { pid: 42, name: "vim".into(), path: mnt().join("notes") };
    all.extend(every!(UnmountError:
        NotAllowed {} = UnmountError::NotAllowed(mnt()),
        Status {} = UnmountError::Status(StatusError::NotMountPoint(mnt())),
        Dead {} = UnmountError::Dead(MountError::Dead { path: mnt(), why: text() }),
        Publish {} = UnmountError::Publish { path: mnt(), why: text() },
        Busy {} = UnmountError::Busy { path: mnt(), holders: vec![holder()] },
        Refused {} = UnmountError::Refused(StillMounted::Refused { path: mnt(), why: text() }),
        Ended {} = UnmountError::Ended { path: mnt(), why: text() },
    ));
    all.push(UnmountError::Busy { path: mnt(), holders: Vec::new() }.into());
    let path = || "2026/a.jpg".to_owned();
    let files = [
        FsError::NoSpace,
        FsError::ReadOnly(text()),
        FsError::Damaged { path: path(), what: text() },
        FsError::NotArrived { path: path(), what: text() },
        FsError::Collected { path: path(), what: text() },
        FsError::Disk(text()),
    ];
    all.extend(files.map(Error::from));
    all
}

#[test]
fn every_error_reads_and_ends_as_it_is_written_down() {
    let all = [unlocking(), making(), opening(), mounting()].into_iter().flatten();
    let lines = all.map(|error| {
        let indented = error.to_string().replace('\n', "\n      ");
        format!("{:>3}   {indented}\n", error.exit_code().number())
    });
    let now: String = lines.collect();
    let written = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/error_texts.txt");
    if std::env::var_os("HUSHFS_WRITE_TEXTS").is_some() {
        std::fs::write(&written, &now).unwrap();
    }
    let expected = std::fs::read_to_string(&written).unwrap();
    for (now, expected) in now.lines().zip(expected.lines()) {
        assert_eq!(now, expected);
    }
    assert_eq!(now, expected);
}
