//! Reads fields off a fuzzer's bytes, front to back, so that seeds can be written by hand.

/// Bytes that are still to be used; when they run out, every field is 0 or empty.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn u8(&mut self) -> u8 {
        let Some((byte, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        *byte
    }

    /// One of `count`.
    pub fn choice(&mut self, count: usize) -> usize {
        usize::from(self.u8()) % count
    }

    pub fn coin(&mut self) -> bool {
        self.u8() & 1 == 1
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        let (taken, rest) = self.rest.split_at(N.min(self.rest.len()));
        out[..taken.len()].copy_from_slice(taken);
        self.rest = rest;
        out
    }

    /// A small number in one byte, one close to the largest in two, or any in nine.
    pub fn u64(&mut self) -> u64 {
        match self.u8() {
            0xFF => u64::from_le_bytes(self.array()),
            0xFE => u64::MAX - u64::from(self.u8()),
            0xFD => 1 << (self.u8() % 64),
            small => small.into(),
        }
    }

    /// The same of 32 bits.
    pub fn u32(&mut self) -> u32 {
        match self.u8() {
            0xFF => u32::from_le_bytes(self.array()),
            0xFE => u32::MAX - u32::from(self.u8()),
            0xFD => 1 << (self.u8() % 32),
            small => small.into(),
        }
    }

    /// Bytes behind their length, a `u16`; as many as there are.
    pub fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(u16::from_le_bytes(self.array()));
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }
}
