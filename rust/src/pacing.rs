//! Bulk data is read every 0.37 ms, instead of as soon as some of it has arrived.
//!
//! A direction that has just filled a buffer rests before it is read again, like a network card that moderates its
//! interrupts: meanwhile more gathers in the kernel, and peers are woken, paced and acknowledged less often, which saves
//! CPU time. In return, one connection moves at most a buffer each time (5.3 Gbit/s), and bytes that follow a full
//! buffer wait. A peer that sends less than a buffer at once never rests. docs/adr/0009 has numbers.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::side::Side;

/// How long a rest is. Shorter ones save less, longer ones cost more throughput than they save.
const REST: Duration = Duration::from_micros(370);

/// The resting directions of a thread, in the order in which they will go on.
#[derive(Default)]
pub struct Rests(VecDeque<(Instant, u64, Side)>);

impl Rests {
    /// Begins a rest, at `now`, of the direction that comes from `source` in connection `number`.
    pub fn begin(&mut self, now: Instant, number: u64, source: Side) {
        self.0.push_back((now + REST, number, source));
    }

    /// When the next one goes on.
    pub fn next(&self) -> Option<Instant> {
        self.0.front().map(|(end, _, _)| *end)
    }

    /// Takes out one that has rested long enough.
    pub fn take_rested(&mut self, now: Instant) -> Option<(u64, Side)> {
        self.next().filter(|end| *end <= now)?;
        self.0.pop_front().map(|(_, number, source)| (number, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_go_on_in_order_and_not_before_their_time() {
        let (mut rests, start) = (Rests::default(), Instant::now());
        assert_eq!(rests.next(), None);
        rests.begin(start, 1, Side::Client);
        rests.begin(start + REST / 2, 2, Side::Upstream);
        assert_eq!(rests.next(), Some(start + REST));
        assert_eq!(rests.take_rested(start + REST / 2), None);
        assert_eq!(rests.take_rested(start + REST), Some((1, Side::Client)));
        assert_eq!(rests.take_rested(start + REST), None);
        assert_eq!(rests.take_rested(start + 2 * REST), Some((2, Side::Upstream)));
    }
}
