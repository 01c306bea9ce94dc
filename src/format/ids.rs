//! Names of things: devices, inodes, packs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::crypto::{ObjectId, fill_random};

/// A pack's object id, which is also its name.
pub type PackId = ObjectId;

/// 64 random bits that name one device's log in one vault.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceId(#[serde(with = "postcard::fixint::le")] pub u64);

impl DeviceId {
    /// 64 random bits.
    pub fn random() -> Self {
        Self(random_u64())
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceId({self})")
    }
}

/// A file's id: 64 random bits, and its inode number on every device.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ino(#[serde(with = "postcard::fixint::le")] pub u64);

impl Ino {
    /// The root folder, which every vault has from the start.
    pub const ROOT: Self = Self(1);

    /// 64 random bits, never 0 (no inode), 1 (the root) or all ones (some programs' error value).
    pub fn random() -> Self {
        loop {
            let id = random_u64();
            if id > 1 && id != u64::MAX {
                return Self(id);
            }
        }
    }
}

impl fmt::Display for Ino {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Ino {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ino({:x})", self.0)
    }
}

/// 64 bits for an id: unpredictable, and drawn without a system call each time, since every
/// created file takes one.
fn random_u64() -> u64 {
    use rand::RngExt;
    use std::cell::RefCell;
    thread_local! {
        static IDS: RefCell<rand::rngs::StdRng> = RefCell::new({
            use rand::SeedableRng;
            let mut seed = [0; 32];
            fill_random(&mut seed);
            rand::rngs::StdRng::from_seed(seed)
        });
    }
    IDS.with_borrow_mut(|rng| rng.random())
}
