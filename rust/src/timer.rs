//! When a thread has to look at its connections' deadlines, for next to nothing.
//!
//! Deadlines only ever move away, so nothing is kept in order: the thread looks at all connections when the earliest
//! deadline it saw last time has come, and at most so often as it matters.

use std::time::{Duration, Instant};

/// A deadline may be noticed late by this part of the time-out.
const LATENESS: u32 = 64;
const MIN_LATENESS: Duration = Duration::from_millis(5);

/// The moment of the next look.
#[derive(Default)]
pub struct Sweep {
    next: Option<Instant>,
}

impl Sweep {
    /// A connection with this deadline has come.
    pub fn include(&mut self, deadline: Instant) {
        self.next = Some(self.next.map_or(deadline, |next| next.min(deadline)));
    }

    /// Whether it is time to look.
    pub fn is_due(&self, now: Instant) -> bool {
        self.next.is_some_and(|next| next <= now)
    }

    /// A look was taken; these are the deadlines that are left.
    pub fn restart(&mut self, now: Instant, deadlines: impl Iterator<Item = Instant>) {
        self.next = deadlines.min().map(|earliest| {
            let left = earliest.saturating_duration_since(now);
            earliest + (left / LATENESS).max(MIN_LATENESS)
        });
    }

    /// When it will be time.
    pub fn next(&self) -> Option<Instant> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_at_the_earliest_deadline_and_never_without_one() {
        let now = Instant::now();
        let mut sweep = Sweep::default();
        assert!(!sweep.is_due(now));
        sweep.include(now + Duration::from_secs(9));
        sweep.include(now + Duration::from_secs(3));
        assert!(!sweep.is_due(now + Duration::from_secs(2)));
        assert!(sweep.is_due(now + Duration::from_secs(3)));
        sweep.restart(now, std::iter::empty());
        assert_eq!(sweep.next(), None);
    }
}
