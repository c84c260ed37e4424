//! Numbers that look random, for what is no secret.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A sequence of numbers; a seed always gives the same one.
pub struct Chance(u64);

impl Chance {
    /// Begins the sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Begins a sequence that nobody has had before.
    pub fn unseeded() -> Self {
        Self::new(RandomState::new().build_hasher().finish())
    }

    /// The next number below a limit, which isn't 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }
}
