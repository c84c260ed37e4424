//! Bulk data is read every 0.37 ms, instead of as soon as some of it has arrived.
//!
//! A direction that has just filled a buffer rests before it is read again, like a network card that moderates its
//! interrupts: meanwhile more gathers in the kernel, and peers are woken, paced and acknowledged less often, which saves
//! CPU time. In return, one connection moves at most a buffer each time (5.3 Gbit/s), and bytes that follow a full
//! buffer wait. A peer that sends less than a buffer at once never rests. docs/adr/0009 has numbers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use crate::side::Side;

/// How long bulk rests. Shorter rests save less, longer ones cost more throughput than they save.
pub const REST: Duration = Duration::from_micros(370);

/// The directions of a thread that rest; those come first that go on first.
#[derive(Default)]
pub struct Rests(BinaryHeap<Reverse<(Instant, u64, Side)>>);

impl Rests {
    /// What connection `number` gets from `source` rests until `end`.
    pub fn begin(&mut self, end: Instant, number: u64, source: Side) {
        self.0.push(Reverse((end, number, source)));
    }

    /// When the next one goes on.
    pub fn next(&self) -> Option<Instant> {
        self.0.peek().map(|Reverse((end, _, _))| *end)
    }

    /// Takes out one that has rested long enough.
    pub fn take_rested(&mut self, now: Instant) -> Option<(u64, Side)> {
        self.next().filter(|end| *end <= now)?;
        self.0.pop().map(|Reverse((_, number, source))| (number, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_go_on_in_order_and_not_before_their_time() {
        let (mut rests, start) = (Rests::default(), Instant::now());
        assert_eq!(rests.next(), None);
        rests.begin(start + REST * 3 / 2, 2, Side::Upstream);
        rests.begin(start + REST, 1, Side::Client);
        assert_eq!(rests.next(), Some(start + REST));
        assert_eq!(rests.take_rested(start + REST / 2), None);
        assert_eq!(rests.take_rested(start + REST), Some((1, Side::Client)));
        assert_eq!(rests.take_rested(start + REST), None);
        assert_eq!(rests.take_rested(start + 2 * REST), Some((2, Side::Upstream)));
    }
}
