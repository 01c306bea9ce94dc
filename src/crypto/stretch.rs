//! Password stretching: Argon2id (RFC 9106), with a floor below which no slot is opened and a
//! ceiling above which none is tried.

use std::fmt;
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::{Zeroize, Zeroizing};

use super::secret::SecretKey;

/// What a guess costs at least and opening takes about, on the machine that makes a slot.
pub const STRETCH_TARGET: Duration = Duration::from_secs(1);

/// The most memory that calibration chooses, in KiB: a phone has to open the vault as well.
const CALIBRATED_MEMORY_KIB: u32 = 512 * 1024;
/// The most lanes that calibration chooses (RFC 9106, section 4).
const CALIBRATED_LANES: u32 = 4;
/// Calibration chooses whole multiples of this.
const MEMORY_STEP_KIB: u32 = 1024;

/// A password as it was given, wiped on drop. `Debug` never prints it.
pub struct Password(Zeroizing<Vec<u8>>);

/// There is no password in an empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password is empty")]
pub struct EmptyPassword;

impl Password {
    /// Any bytes but none; nothing is trimmed or normalised.
    ///
    /// # Errors
    /// [`EmptyPassword`].
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Result<Self, EmptyPassword> {
        if bytes.is_empty() {
            return Err(EmptyPassword);
        }
        Ok(Self(bytes))
    }

    /// The password's bytes; copy them nowhere that outlives the call.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// One of Argon2's three costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// KiB of memory.
    Memory,
    /// Passes over the memory.
    Passes,
    /// Lanes, which can be computed side by side.
    Lanes,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Memory => "KiB of memory",
            Self::Passes => "passes",
            Self::Lanes => "lanes",
        })
    }
}

/// Why a password is not stretched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StretchError {
    /// Somebody wants guessing to be cheaper than this program ever makes it.
    #[error("too weak: {found} {cost}, where {floor} is the least that is accepted")]
    BelowFloor {
        /// Which cost.
        cost: Cost,
        /// What was asked for.
        found: u32,
        /// The least there may be.
        floor: u32,
    },
    /// Somebody wants to use up this machine.
    #[error("too costly: {found} {cost}, where {ceiling} is the most that is accepted")]
    AboveCeiling {
        /// Which cost.
        cost: Cost,
        /// What was asked for.
        found: u32,
        /// The most there may be.
        ceiling: u32,
    },
    /// The system has not as much memory as the parameters take.
    #[error("stretching the password takes {memory_kib} KiB of memory, which are not to be had")]
    OutOfMemory {
        /// KiB that were asked for.
        memory_kib: u32,
    },
}

/// Argon2id's costs, between floor and ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StretchParameters {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl StretchParameters {
    /// The least that is written or accepted: nobody can weaken a slot below it.
    pub const FLOOR: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// The most that is accepted: a hostile slot costs memory and time, but not without end.
    pub const CEILING: Self = Self { memory_kib: 2 * 1024 * 1024, passes: 64, lanes: 16 };

    /// Checks parameters from a slot (I8).
    ///
    /// # Errors
    /// [`StretchError::BelowFloor`] or [`StretchError::AboveCeiling`].
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, StretchError> {
        let (floor, ceiling) = (Self::FLOOR, Self::CEILING);
        for (cost, found, floor, ceiling) in [
            (Cost::Memory, memory_kib, floor.memory_kib, ceiling.memory_kib),
            (Cost::Passes, passes, floor.passes, ceiling.passes),
            (Cost::Lanes, lanes, floor.lanes, ceiling.lanes),
        ] {
            if found < floor {
                return Err(StretchError::BelowFloor { cost, found, floor });
            }
            if found > ceiling {
                return Err(StretchError::AboveCeiling { cost, found, ceiling });
            }
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    /// KiB of memory.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes.
    pub const fn lanes(self) -> u32 {
        self.lanes
    }

    /// Parameters that take about [`STRETCH_TARGET`] on this machine, never below the floor:
    /// memory grows first, up to 512 MiB and a quarter of what the machine has, then passes.
    ///
    /// # Errors
    /// [`StretchError::OutOfMemory`] if not even the floor's memory is to be had.
    pub fn calibrate() -> Result<Self, StretchError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let lanes = CALIBRATED_LANES.min(u32::try_from(cores).unwrap_or(CALIBRATED_LANES));
        let floor = Self { lanes, ..Self::FLOOR };
        let cap = CALIBRATED_MEMORY_KIB.min(physical_memory_kib() / 4).max(floor.memory_kib);
        let mut chosen = floor;
        let taken = floor.measure()?;
        let affordable = scale(floor.memory_kib, taken);
        chosen.memory_kib = (affordable - affordable % MEMORY_STEP_KIB)
            .clamp(floor.memory_kib, cap - (cap % MEMORY_STEP_KIB).min(cap - floor.memory_kib));
        if chosen.memory_kib == floor.memory_kib && taken >= STRETCH_TARGET {
            return Ok(chosen);
        }
        // A larger memory is slower for each KiB, since less of it is in the caches: measured
        // again at the size that was chosen.
        match chosen.measure() {
            Ok(taken) => {
                chosen.passes =
                    scale(chosen.passes, taken).clamp(floor.passes, Self::CEILING.passes);
                Ok(chosen)
            }
            Err(_) => Ok(floor),
        }
    }

    /// How long stretching takes with these parameters, now.
    fn measure(self) -> Result<Duration, StretchError> {
        let started = Instant::now();
        self.stretch_bytes(b"measured, not used", &[0; 32])?;
        Ok(started.elapsed())
    }

    /// Stretches `password` with a slot's `salt`.
    ///
    /// # Errors
    /// [`StretchError::OutOfMemory`].
    pub fn stretch(self, password: &Password, salt: &[u8; 32]) -> Result<SecretKey, StretchError> {
        self.stretch_bytes(password.bytes(), salt)
    }

    fn stretch_bytes(self, password: &[u8], salt: &[u8; 32]) -> Result<SecretKey, StretchError> {
        let out_of_memory = StretchError::OutOfMemory { memory_kib: self.memory_kib };
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32))
            .expect("what lies between floor and ceiling is within Argon2's own bounds");
        let mut memory = Vec::new();
        memory.try_reserve_exact(params.block_count()).map_err(|_| out_of_memory)?;
        memory.resize(params.block_count(), Block::default());
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut stretched = Ok(());
        let key = SecretKey::with(|out| {
            stretched =
                argon2.hash_password_into_with_memory(password, salt, out, memory.as_mut_slice());
        });
        for block in &mut memory {
            block.zeroize();
        }
        // Lengths of salt and output are fixed and in bounds, the memory is as large as the
        // parameters say: what is left is a password over 4 GiB, which no memory holds twice.
        stretched.map_err(|_| out_of_memory)?;
        Ok(key)
    }
}

/// `cost`, of which `taken` was measured, scaled to take [`STRETCH_TARGET`]; rounded down.
fn scale(cost: u32, taken: Duration) -> u32 {
    let nanos = taken.as_nanos().max(1);
    let scaled = u128::from(cost) * STRETCH_TARGET.as_nanos() / nanos;
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

/// KiB of memory in this machine.
fn physical_memory_kib() -> u32 {
    #[cfg(target_os = "linux")]
    let bytes = {
        let system = rustix::system::sysinfo();
        u128::from(system.totalram) * u128::from(system.mem_unit)
    };
    // What every machine has on which the other systems run.
    #[cfg(not(target_os = "linux"))]
    let bytes: u128 = 2 << 30;
    u32::try_from(bytes / 1024).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
    }

    #[test]
    fn every_cost_has_a_floor_and_a_ceiling() {
        let (floor, ceiling) = (StretchParameters::FLOOR, StretchParameters::CEILING);
        let new = StretchParameters::new;
        assert_eq!(new(65536, 3, 1), Ok(floor));
        assert_eq!(new(2 * 1024 * 1024, 64, 16), Ok(ceiling));
        let below = |cost, found, floor| Err(StretchError::BelowFloor { cost, found, floor });
        assert_eq!(new(65535, 3, 1), below(Cost::Memory, 65535, 65536));
        assert_eq!(new(65536, 2, 1), below(Cost::Passes, 2, 3));
        assert_eq!(new(65536, 3, 0), below(Cost::Lanes, 0, 1));
        let above = |cost, found, ceiling| Err(StretchError::AboveCeiling { cost, found, ceiling });
        assert_eq!(new(u32::MAX, 3, 1), above(Cost::Memory, u32::MAX, 2 * 1024 * 1024));
        assert_eq!(new(65536, 65, 1), above(Cost::Passes, 65, 64));
        assert_eq!(new(65536, 3, 17), above(Cost::Lanes, 17, 16));
    }

    #[test]
    fn stretching_depends_on_password_salt_and_every_cost() {
        let floor = StretchParameters::FLOOR;
        let stretched = |parameters: StretchParameters, text: &str, salt: u8| {
            *parameters.stretch(&password(text), &[salt; 32]).unwrap().bytes()
        };
        let all = [
            stretched(floor, "a", 1),
            stretched(floor, "b", 1),
            stretched(floor, "a", 2),
            stretched(StretchParameters { passes: 4, ..floor }, "a", 1),
            stretched(StretchParameters { lanes: 2, ..floor }, "a", 1),
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                assert_ne!(a, b);
            }
        }
        assert_eq!(all[0], stretched(floor, "a", 1));
    }

    #[test]
    fn stretching_is_argon2id_as_the_reference_implementation_computes_it() {
        // The C implementation, through Python's argon2-cffi.
        for (lanes, expected) in [
            (1, "957c3d4ba2b2e50445b9583d21f49163cc5b857274d01a1478766fde36c88803"),
            (4, "909b623647ef3ed107b3b31d5ad97b24e295a379e142ecc88adb9c2ff01c51e7"),
        ] {
            let parameters = StretchParameters::new(65536, 3, lanes).unwrap();
            let key = parameters.stretch(&password("password"), &[1; 32]).unwrap();
            let hex: String = key.bytes().map(|byte| format!("{byte:02x}")).concat();
            assert_eq!(hex, expected);
        }
    }

    #[test]
    fn calibration_stays_between_floor_and_what_the_machine_has() {
        let chosen = StretchParameters::calibrate().unwrap();
        let checked = StretchParameters::new(chosen.memory_kib, chosen.passes, chosen.lanes);
        assert_eq!(checked, Ok(chosen));
        assert!(chosen.memory_kib <= CALIBRATED_MEMORY_KIB.max(65536));
        let taken = chosen.measure().unwrap();
        println!("{chosen:?} takes {taken:?}");
    }

    #[test]
    fn a_password_is_any_bytes_but_none_and_does_not_print() {
        assert_eq!(Password::new(Zeroizing::new(Vec::new())).unwrap_err(), EmptyPassword);
        let odd = Password::new(Zeroizing::new(vec![0xFF, 0, b' '])).unwrap();
        assert_eq!(odd.bytes(), [0xFF, 0, b' ']);
        assert_eq!(format!("{odd:?}"), "Password(…)");
    }
}
