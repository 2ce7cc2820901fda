//! Random numbers that are the same for the same seed, on every machine and in every version.

/// Xorshift with 64 bit of state: fast, small, and good enough for made-up people.
pub(super) struct Dice(u64);

impl Dice {
    /// Dice of their own for one thing of one seed: person 7 is the same among 10 and among 10,000.
    pub fn new(seed: u64, of: u32) -> Self {
        let mut mixed = seed ^ u64::from(of).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self((mixed ^ (mixed >> 31)) | 1)
    }

    /// A number from 0 to `sides` − 1.
    pub fn below(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 32) % u64::from(sides.max(1))).unwrap_or_default()
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, share: u32) -> bool {
        self.below(100) < share
    }

    pub fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        let index = self.below(u32::try_from(of.len()).unwrap_or(u32::MAX));
        &of[index as usize]
    }

    /// So many decimal digits.
    pub fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }
}
