//! The data a peer hasn't acknowledged yet.
//!
//! The kernel doesn't report the last acknowledgement, so we have to poll. Polls become rarer: the pause is a quarter
//! of the time that has passed, at least 10 ms and at most 2 s. docs/adr/0013 says why.

use std::time::{Duration, Instant};

const MIN_PAUSE: Duration = Duration::from_millis(10);
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// Bytes on their way to a peer's kernel.
#[derive(Clone, Copy, Debug)]
pub struct Backlog {
    begun_at: Instant,
    taken_at: Instant,
    looked_at: Instant,
    left_bytes: usize,
}

impl Backlog {
    /// Begins to watch `left_bytes` at `now`, the last of which were taken at `taken_at`.
    pub fn new(now: Instant, taken_at: Instant, left_bytes: usize) -> Self {
        Self { begun_at: now, taken_at, looked_at: now, left_bytes }
    }

    /// Notes that a byte was taken.
    pub fn note_taken(&mut self, now: Instant) {
        self.taken_at = now;
    }

    /// Notes how many bytes are left; if they are fewer than last time, some were taken.
    pub fn note_left(&mut self, now: Instant, left_bytes: usize) {
        if left_bytes < self.left_bytes {
            self.taken_at = now;
        }
        self.looked_at = now;
        self.left_bytes = left_bytes;
    }

    /// When watching began.
    pub fn begun_at(&self) -> Instant {
        self.begun_at
    }

    /// When the last byte was known to be taken.
    pub fn taken_at(&self) -> Instant {
        self.taken_at
    }

    /// Whether nothing was left at the last poll.
    pub fn is_empty(&self) -> bool {
        self.left_bytes == 0
    }

    /// When to poll again.
    pub fn next_look(&self) -> Instant {
        self.looked_at + ((self.looked_at - self.begun_at) / 4).clamp(MIN_PAUSE, MAX_PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_rare_and_are_late_by_a_quarter_at_most() {
        let start = Instant::now();
        let mut backlog = Backlog::new(start, start, 100);
        let mut looks = 0;
        while backlog.looked_at < start + Duration::from_secs(30) {
            let (before, next) = (backlog.looked_at, backlog.next_look());
            assert!(next - before <= MIN_PAUSE.max((before - start) / 4).min(MAX_PAUSE));
            backlog.note_left(next, 100);
            looks += 1;
        }
        assert_eq!(backlog.taken_at(), start);
        assert!(looks < 40, "{looks} in 30 s");
    }

    #[test]
    fn fewer_bytes_than_before_are_progress_and_more_are_not() {
        let start = Instant::now();
        let mut backlog = Backlog::new(start, start, 100);
        for (left_bytes, is_progress) in [(100, false), (99, true), (500, false), (499, true), (0, true), (0, false)] {
            let now = backlog.next_look();
            backlog.note_left(now, left_bytes);
            assert_eq!(backlog.taken_at() == now, is_progress, "{left_bytes} left");
            assert_eq!(backlog.is_empty(), left_bytes == 0);
        }
    }
}
