//! The timers of a thread's connections.
//!
//! Times are rounded up to a grid, so that many timers wake the thread only a hundred times a second. A connection that
//! moves bytes doesn't touch its timer: it rings when the connection could have been idle for too long, and is then set
//! again.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How late a timer may ring.
pub const GRID_MS: u64 = 10;

/// A point of the grid.
pub type Tick = u64;

/// The timers of a thread, one per connection.
pub struct Timers {
    base: Instant,
    set: BTreeSet<(Tick, u64)>,
}

impl Timers {
    /// Makes an empty set; nothing in it can be earlier than `base`.
    pub fn new(base: Instant) -> Self {
        Self { base, set: BTreeSet::new() }
    }

    /// The first point of the grid at or after a moment.
    pub fn tick(&self, at: Instant) -> Tick {
        let time = at.saturating_duration_since(self.base);
        (time.as_secs() * 1000 + u64::from(time.subsec_nanos().div_ceil(1_000_000))).div_ceil(GRID_MS)
    }

    /// Sets a connection's timer.
    pub fn set(&mut self, tick: Tick, number: u64) {
        self.set.insert((tick, number));
    }

    /// Removes a connection's timer.
    pub fn remove(&mut self, tick: Tick, number: u64) {
        self.set.remove(&(tick, number));
    }

    /// When the next one rings.
    pub fn next(&self) -> Option<Instant> {
        self.set.first().map(|(tick, _)| self.base + Duration::from_millis(tick * GRID_MS))
    }

    /// Takes out a connection whose timer rings now.
    pub fn take_due(&mut self, now: Instant) -> Option<u64> {
        self.next().filter(|next| *next <= now)?;
        self.set.pop_first().map(|(_, number)| number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_ring_in_order_never_early_and_ten_milliseconds_late_at_most() {
        let base = Instant::now();
        let mut timers = Timers::new(base);
        for (ms, number) in [(31, 1), (5, 2), (25, 3), (29, 4), (30, 5)] {
            timers.set(timers.tick(base + Duration::from_millis(ms)), number);
        }
        assert_eq!(timers.next(), Some(base + Duration::from_millis(10)));
        assert_eq!(timers.take_due(base + Duration::from_millis(9)), None);
        let mut due = |ms| std::iter::from_fn(|| timers.take_due(base + Duration::from_millis(ms))).collect::<Vec<_>>();
        assert_eq!(due(10), [2]);
        assert_eq!(due(30), [3, 4, 5]);
        assert_eq!(due(40), [1]);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn one_that_was_removed_does_not_ring() {
        let base = Instant::now();
        let mut timers = Timers::new(base);
        let tick = timers.tick(base + Duration::from_nanos(1));
        assert_eq!((tick, timers.tick(base)), (1, 0));
        timers.set(tick, 7);
        timers.remove(tick, 7);
        assert_eq!(timers.take_due(base + Duration::from_secs(1)), None);
    }
}
