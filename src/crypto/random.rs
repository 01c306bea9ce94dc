//! Random bytes, all of them from the system.

use rand::TryRng;
use rand::rngs::SysRng;

/// Fills `bytes` from the system's random source.
///
/// # Panics
/// If the system has no random source: nothing here is safe without one.
pub(crate) fn fill_random(bytes: &mut [u8]) {
    #[cfg(simulation)]
    if simulated::fill(bytes) {
        return;
    }
    SysRng.try_fill_bytes(bytes).expect("getrandom(2) does not fail on a supported system");
}

/// Random numbers and times that repeat, so that a simulated history can be replayed to the byte. Only a build
/// with `RUSTFLAGS="--cfg simulation"` has this: no feature of the crate can turn it on.
#[cfg(simulation)]
pub mod simulated {
    use std::cell::RefCell;

    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    thread_local! {
        static SEEDED: RefCell<Option<Seeded>> = const { RefCell::new(None) };
    }

    struct Seeded {
        rng: StdRng,
        ticks: u32,
    }

    /// From now on the calling thread gets the numbers that belong to `seed`.
    pub fn seed(seed: u64) {
        SEEDED.set(Some(Seeded { rng: StdRng::seed_from_u64(seed), ticks: 1 << 28 }));
    }

    /// Counts calls of the calling thread, once it has a seed.
    pub(crate) fn tick() -> Option<u32> {
        SEEDED.with_borrow_mut(|state| {
            let state = state.as_mut()?;
            state.ticks = state.ticks.wrapping_add(1);
            Some(state.ticks)
        })
    }

    pub(super) fn fill(bytes: &mut [u8]) -> bool {
        SEEDED.with_borrow_mut(|state| {
            state.as_mut().map(|state| state.rng.fill_bytes(bytes)).is_some()
        })
    }
}
