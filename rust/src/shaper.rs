//! Which records a client gets, and when. The rules are those of `Shape` in relay/job.py.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::record::{HEADER_BYTES, MAX_PAYLOAD_BYTES, PROTECTION_BYTES};

/// Most records planned at once; more would cost the kernel more than they save.
pub const MAX_RECORDS: usize = 64;

/// The sizes of dynamic record sizing, one after the other.
const SIZES_OF_STEPS: [usize; 3] = [1369 + PROTECTION_BYTES, 4229 + PROTECTION_BYTES, MAX_PAYLOAD_BYTES];
const RECORDS_A_STEP: usize = 40;
const RESET_AFTER: Duration = Duration::from_secs(1);
const LEAST_BYTES_PER_SECOND: f64 = 20e6 / 8.0;

/// How a client's bytes are cut into records, and when these are sent.
#[derive(Debug, Default)]
pub struct Shape {
    drs: bool,
    record_sizes: Vec<usize>,
    pauses: Vec<Duration>,
}

impl Shape {
    /// Makes a shape; None if a size isn't one of 1 to 16 401.
    #[must_use]
    pub fn new(drs: bool, record_sizes: Vec<usize>, pauses: Vec<Duration>) -> Option<Self> {
        let is_valid = record_sizes.iter().all(|size| (1..=MAX_PAYLOAD_BYTES).contains(size));
        is_valid.then_some(Self { drs, record_sizes, pauses })
    }
}

/// One connection's records to its client.
pub struct Shaper {
    shape: Arc<Shape>,
    chance: Chance,
    /// Made since the connection began, or since the last pause.
    records: usize,
    sent_at: Instant,
}

impl Shaper {
    /// Begins a connection's records.
    pub fn new(shape: Arc<Shape>, chance: Chance, now: Instant) -> Self {
        Self { shape, chance, records: 0, sent_at: now }
    }

    /// Plans the next records, as many as fit into `wire_bytes`, but one at least; with pauses, just one.
    pub fn plan(&mut self, wire_bytes: usize, now: Instant, sizes: &mut Vec<usize>) {
        if now.saturating_duration_since(self.sent_at) >= RESET_AFTER {
            self.records = 0;
        }
        sizes.clear();
        let mut planned_bytes = 0;
        let most = if self.shape.pauses.is_empty() { MAX_RECORDS } else { 1 };
        while sizes.len() < most {
            let size = self.size(sizes.len());
            planned_bytes += HEADER_BYTES + size;
            if planned_bytes > wire_bytes && !sizes.is_empty() {
                break;
            }
            sizes.push(size);
        }
    }

    /// Notes that so many of the planned records were made.
    pub fn note_records(&mut self, count: usize) {
        self.records += count;
    }

    /// Notes that the client's kernel took some bytes.
    pub fn note_sent(&mut self, now: Instant) {
        self.sent_at = now;
    }

    /// How long to wait after a record of so many bytes.
    pub fn pause(&mut self, sent_bytes: usize) -> Option<Duration> {
        let pause = self.chance.choose(&self.shape.pauses)?;
        let longest = Duration::from_secs_f64(sent_bytes as f64 / LEAST_BYTES_PER_SECOND);
        Some(*pause.min(&longest)).filter(|pause| !pause.is_zero())
    }

    /// A size for the record that comes after `ahead` others.
    fn size(&mut self, ahead: usize) -> usize {
        if let Some(size) = self.chance.choose(&self.shape.record_sizes) {
            return *size;
        }
        let step = if self.shape.drs { (self.records + ahead) / RECORDS_A_STEP } else { usize::MAX };
        SIZES_OF_STEPS[step.min(SIZES_OF_STEPS.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaper(drs: bool, record_sizes: &[usize], pauses: &[Duration]) -> (Shaper, Instant) {
        let shape = Shape::new(drs, record_sizes.to_vec(), pauses.to_vec()).expect("it is valid");
        let now = Instant::now();
        (Shaper::new(Arc::new(shape), Chance::new(7), now), now)
    }

    fn plan(shaper: &mut Shaper, wire_bytes: usize, now: Instant) -> Vec<usize> {
        let mut sizes = Vec::new();
        shaper.plan(wire_bytes, now, &mut sizes);
        sizes
    }

    #[test]
    fn dynamic_sizes_grow_in_two_steps_and_start_again_after_a_second_without_a_byte_sent() {
        let (mut shaper, start) = shaper(true, &[], &[]);
        assert_eq!(plan(&mut shaper, 1 << 20, start), [vec![1386; 40], vec![4246; 24]].concat());
        shaper.note_records(79);
        assert_eq!(plan(&mut shaper, 1, start), [4246]);
        assert_eq!(plan(&mut shaper, 40_000, start), [4246, 16_401, 16_401]);
        shaper.note_records(1);
        shaper.note_sent(start + Duration::from_millis(500));
        assert_eq!(plan(&mut shaper, 1, start + Duration::from_millis(1499)), [16_401]);
        assert_eq!(plan(&mut shaper, 1, start + Duration::from_millis(1500)), [1386]);
        shaper.note_records(40);
        shaper.note_sent(start + Duration::from_millis(1500));
        assert_eq!(plan(&mut shaper, 1, start + Duration::from_millis(1500)), [4246]);
    }

    #[test]
    fn learnt_sizes_are_drawn_each_for_itself_and_win_over_dynamic_ones() {
        let (mut shaper, now) = shaper(true, &[1, 500, 16_401], &[]);
        let mut drawn: Vec<usize> = (0..50).flat_map(|_| plan(&mut shaper, 100_000, now)).collect();
        assert!(drawn.windows(2).any(|pair| pair[0] != pair[1]));
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn, [1, 500, 16_401]);
    }

    #[test]
    fn a_plan_fits_but_has_a_record_at_least_and_never_too_many() {
        let (mut shaper, now) = shaper(false, &[], &[]);
        assert_eq!(plan(&mut shaper, 3 * 16_406, now).len(), 3);
        assert_eq!(plan(&mut shaper, 3 * 16_406 - 1, now).len(), 2);
        assert_eq!(plan(&mut shaper, 0, now), [16_401]);
        let (mut shaper, now) = self::shaper(false, &[1], &[]);
        assert_eq!(plan(&mut shaper, 1 << 20, now).len(), MAX_RECORDS);
    }

    #[test]
    fn pauses_come_after_each_record_and_none_is_longer_than_its_bytes_take_at_20_mbit() {
        let (learnt, longest) = ([Duration::from_micros(10), Duration::from_secs(5)], Duration::from_micros(400));
        let (mut shaper, now) = shaper(false, &[], &learnt);
        assert_eq!(plan(&mut shaper, 1 << 20, now), [16_401]);
        let drawn: Vec<_> = (0..50).filter_map(|_| shaper.pause(1000)).collect();
        assert_eq!(drawn.len(), 50);
        assert!(drawn.iter().all(|pause| [learnt[0], longest].contains(pause)), "{drawn:?}");
        assert!(drawn.contains(&learnt[0]) && drawn.contains(&longest));
        assert_eq!(self::shaper(true, &[5], &[]).0.pause(1000), None);
    }

    #[test]
    fn a_record_that_is_empty_or_too_long_is_refused() {
        assert!(Shape::new(false, vec![0], Vec::new()).is_none());
        assert!(Shape::new(false, vec![16_402], Vec::new()).is_none());
    }
}
