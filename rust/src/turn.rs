//! A turn of a thread.

use std::time::Instant;

use crate::buffer::Pool;
use crate::counters::Registry;
use crate::pacing::Rests;

/// What a step borrows from its thread.
pub struct Turn<'a> {
    /// Its buffers.
    pub pool: &'a mut Pool,
    /// Its resting directions.
    pub rests: &'a mut Rests,
    /// The engine's counters.
    pub registry: &'a Registry,
    /// Its clock, read once per turn.
    pub now: Instant,
}
