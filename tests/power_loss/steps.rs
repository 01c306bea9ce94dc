//! What a random history is made of.

use crate::dice::Dice;

/// What a step picks by: taken modulo what there is.
pub type Pick = u64;

/// Where something is to be: a folder that there is, and a name in it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub folder: Pick,
    pub name: u8,
}

#[derive(Clone, Copy, Debug)]
pub enum Step {
    Create {
        at: Place,
    },
    MakeFolder {
        at: Place,
    },
    Unlink {
        path: Pick,
    },
    Link {
        path: Pick,
        at: Place,
    },
    /// Where the name is taken it is replaced, as far as POSIX lets it.
    Rename {
        path: Pick,
        at: Place,
    },
    Exchange {
        path: Pick,
        with: Pick,
    },
    SetMode {
        path: Pick,
        mode: u32,
    },
    /// An access control list, which sets the mode too; or one that a folder hands down.
    SetList {
        path: Pick,
        may: [u8; 5],
        minimal: bool,
        hands_down: bool,
    },
    SetXattr {
        path: Pick,
        seed: u8,
    },
    /// So many operations that a checkpoint is due.
    SetXattrs {
        path: Pick,
        seed: u8,
    },
    Write {
        file: Pick,
        offset: usize,
        bytes: usize,
        seed: u8,
    },
    Resize {
        file: Pick,
        size: usize,
    },
    Punch {
        file: Pick,
        offset: usize,
        bytes: usize,
    },
    /// Chunks of both files lie alike, or the copy goes byte by byte.
    Copy {
        from: Pick,
        from_offset: usize,
        to: Pick,
        to_offset: usize,
        bytes: usize,
    },
    Release {
        file: Pick,
    },
    Close {
        file: Pick,
    },
    Fsync {
        file: Pick,
    },
    Publish,
    /// Everything that nothing needs by now leaves the vault.
    Collect,
    /// The vault takes nothing from now on, or takes everything again.
    Vault {
        works: bool,
    },
    Remount,
    Crash {
        power_loss: bool,
    },
}

impl Step {
    pub fn random(dice: &mut Dice) -> Self {
        let path = dice.next();
        let file = path;
        let at = Place { folder: dice.next(), name: dice.below(5) as u8 };
        let seed = dice.below(256) as u8;
        match dice.below(52) {
            0..5 => Self::Create { at },
            5..7 => Self::MakeFolder { at },
            7..9 => Self::Unlink { path },
            9 => Self::Link { path, at },
            10..13 => Self::Rename { path, at },
            13 => Self::Exchange { path, with: dice.next() },
            14 => Self::SetMode { path, mode: dice.below(0o1000) as u32 },
            15 => Self::SetXattr { path, seed },
            16 => Self::SetXattrs { path, seed },
            17..23 => {
                let (offset, bytes) = (dice.below(60_000) as usize, 1 + dice.below(9000) as usize);
                Self::Write { file, offset, bytes, seed }
            }
            23..25 => {
                let (chunk, bytes) =
                    (dice.below(20) as usize, 65_536 + dice.below(120_000) as usize);
                Self::Write { file, offset: chunk * 4096, bytes, seed }
            }
            25..28 => Self::Resize { file, size: dice.below(200_000) as usize },
            28..30 => {
                let (offset, bytes) =
                    (dice.below(60_000) as usize, 1 + dice.below(90_000) as usize);
                Self::Punch { file, offset, bytes }
            }
            30 => Self::Release { file },
            31..33 => Self::Close { file },
            33..37 => Self::Fsync { file },
            37..39 => Self::Publish,
            39 => Self::Vault { works: dice.coin() },
            40 => Self::Remount,
            41..45 => Self::copy(path, dice),
            45..47 => {
                let may = std::array::from_fn(|_| dice.below(8) as u8);
                Self::SetList { path, may, minimal: dice.coin(), hands_down: dice.coin() }
            }
            47..49 => Self::Collect,
            _ => Self::Crash { power_loss: dice.coin() },
        }
    }

    fn copy(from: Pick, dice: &mut Dice) -> Self {
        let within = dice.below(4096) as usize * usize::from(dice.coin());
        let shift = dice.below(4096) as usize * usize::from(dice.below(4) == 0);
        Self::Copy {
            from,
            from_offset: dice.below(20) as usize * 4096 + within,
            to: dice.next(),
            to_offset: dice.below(20) as usize * 4096 + within + shift,
            bytes: 1 + dice.below(100_000) as usize,
        }
    }
}
