//! A vault folder that both programs restore.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::bench::program::{Said, hushfs};
use crate::files::files_below;
use crate::snapshot::{self, Snapshot};

/// Runs where everything that `docs/restore.py` needs is there.
const TRIAL: &str = "import sys
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
AESGCMSIV(bytes(32))
sys.exit(sys.version_info < (3, 10))";

/// The Python that `scripts/test` prepares, or else the system's; `None` if neither will do.
///
/// # Panics
/// If neither will do, and `HUSHFS_REQUIRE_FUSE=1` says that nothing may be skipped.
fn python() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        let candidates = [target.join("python/bin/python3"), PathBuf::from("python3")];
        candidates.into_iter().find(|python| {
            let tried = Command::new(python).args(["-c", TRIAL]).stderr(Stdio::null()).status();
            tried.is_ok_and(|status| status.success())
        })
    });
    if found.is_none() {
        let must = std::env::var_os("HUSHFS_REQUIRE_FUSE").is_some_and(|value| value == "1");
        let why = "no Python 3.10 with “cryptography” 44 is here: scripts/test prepares one";
        assert!(!must, "{why}, and HUSHFS_REQUIRE_FUSE=1");
        eprintln!("skipped: {why}");
    }
    found.as_deref()
}

/// A copy of a vault folder, with what unlocks it and room for what comes out. Goes away.
pub struct Both {
    python: &'static Path,
    folder: tempfile::TempDir,
}

impl Both {
    /// `None` where `docs/restore.py` cannot run.
    pub fn of(vault: &Path, key: &Path) -> Option<Self> {
        let both = Self { python: python()?, folder: tempfile::tempdir().unwrap() };
        for (path, bytes) in files_below(vault) {
            let path = both.vault().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        both.secret("key", &fs::read(key).unwrap());
        Some(both)
    }

    /// A frozen vault, with its password too.
    pub fn of_sample(name: &str) -> Option<Self> {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sample_vaults");
        let of_sample = |extension: &str| samples.join(format!("{name}.{extension}"));
        let both = Self::of(&samples.join(name), &of_sample("key"))?;
        both.secret("password", &fs::read(of_sample("password")).unwrap());
        Some(both)
    }

    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn vault(&self) -> PathBuf {
        self.place("vault")
    }

    /// A file that only its owner reads, which is then given as `--NAME-file`.
    pub fn secret(&self, name: &str, content: &[u8]) {
        fs::write(self.place(name), content).unwrap();
        fs::set_permissions(self.place(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// What `docs/restore.py` says of a vault folder, unlocked with the password or the key.
    pub fn in_python(&self, way: &str, destination: &Path, more: &[&str]) -> Said {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/restore.py");
        let mut command = Command::new(self.python);
        command.arg("-B").arg(program).args(more).stdin(Stdio::null());
        Said::by(self.unlocking(&mut command, way, destination))
    }

    /// What `docs/reader.py` says of it.
    pub fn with_reader(&self, way: &str, destination: &Path) -> Said {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reader.py");
        let mut command = Command::new(self.python);
        command.arg("-B").arg(program).arg(self.vault()).arg(destination).arg(self.place(way));
        Said::by(command.stdin(Stdio::null()))
    }

    /// What `hushfs restore` says of it on a machine that has never seen the vault.
    pub fn with_hushfs(&self, way: &str, destination: &Path) -> Said {
        let state = self.folder.path().join("no state");
        let mut command = hushfs(&[OsStr::new("restore"), "--state-dir".as_ref(), state.as_ref()]);
        Said::by(self.unlocking(&mut command, way, destination))
    }

    fn unlocking<'a>(
        &self,
        command: &'a mut Command,
        way: &str,
        destination: &Path,
    ) -> &'a mut Command {
        command.arg(format!("--{way}-file")).arg(self.place(way));
        command.arg(self.vault()).arg(destination)
    }

    /// Both programs give the same, and end with this exit code.
    #[track_caller]
    pub fn assert_same(&self, way: &str, code: i32) -> Snapshot {
        let [ours, theirs] = ["in python", "with hushfs"].map(|name| self.place(name));
        let said = self.in_python(way, &ours, &[]);
        assert_eq!(said.code, code, "{said:?}");
        let said = self.with_hushfs(way, &theirs);
        assert_eq!(said.code, code, "{said:?}");
        let restored = snapshot::of(&ours);
        snapshot::assert_same(&restored, &snapshot::of(&theirs));
        for folder in [ours, theirs] {
            fs::remove_dir_all(folder).unwrap();
        }
        restored
    }
}
