//! The one table of exit codes. A number is never used for anything else.

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// What was asked for is done.
    Done = 0,
    /// Something failed that has no number of its own.
    Failed = 1,
    /// The command line cannot be carried out as it stands.
    Usage = 2,
    /// The password or key does not open the vault.
    WrongSecret = 10,
    /// Something in the vault is damaged or missing.
    Damage = 11,
    /// There is no vault there that this version can read.
    NotAVault = 12,
    /// The vault or the mount point is in use.
    InUse = 13,
    /// Something is not in the vault folder yet, which others have put into theirs.
    NotArrived = 14,
}

impl ExitCode {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::WrongSecret,
        Self::Damage,
        Self::NotAVault,
        Self::InUse,
        Self::NotArrived,
    ];

    /// What a script sees.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Those after which the same mount would fail again until somebody has done something.
    pub const LASTING: [Self; 4] = [Self::WrongSecret, Self::Damage, Self::NotAVault, Self::InUse];

    /// What it means, in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed; the message says why",
            Self::Usage => "the command line is not right",
            Self::WrongSecret => "wrong password or key",
            Self::Damage => "damage found, or something is missing",
            Self::NotAVault => "not a vault, or a newer format",
            Self::InUse => "the vault or the mount point is in use",
            Self::NotArrived => "not everything has arrived in the vault folder yet",
        }
    }

    /// The table as the help shows it.
    pub fn help_table() -> String {
        let rows = Self::ALL.map(|code| format!("  {:>2}  {}", code.number(), code.meaning()));
        format!("Exit codes:\n{}", rows.join("\n"))
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_the_ones_that_scripts_rely_on() {
        assert_eq!(ExitCode::ALL.map(ExitCode::number), [0, 1, 2, 10, 11, 12, 13, 14]);
    }

    #[test]
    fn the_help_table_has_every_code() {
        let table = ExitCode::help_table();
        for code in ExitCode::ALL {
            assert!(table.contains(&format!("{:>2}  {}", code.number(), code.meaning())));
        }
    }
}
