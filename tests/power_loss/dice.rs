//! Numbers that are the same for the same seed.

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// The seeds that are wished for as FIRST+COUNT in a variable of the environment, else the first so
/// many.
#[allow(dead_code, reason = "for tests that go through seeds")]
pub fn seeds(variable: &str, count: u64) -> std::ops::Range<u64> {
    let wish = std::env::var(variable).unwrap_or_default();
    let (first, count) = wish.split_once('+').map_or((1, count), |(first, count)| {
        (first.parse().unwrap(), count.parse::<u64>().unwrap())
    });
    first..first + count
}
