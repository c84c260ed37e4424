//! Which records a client gets, and when. The rules are those of `Shape` in relay/job.py.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::chance::Chance;
use crate::learnt::{Cursor, Page};
use crate::pacing::REST;
use crate::record::{HEADER_BYTES, MAX_PAYLOAD_BYTES, PROTECTION_BYTES};

/// Most records planned at once; more would cost the kernel more than they save.
pub const MAX_RECORDS: usize = 64;

/// The sizes of dynamic record sizing, one after the other.
const SIZES_OF_STEPS: [usize; 3] = [1369 + PROTECTION_BYTES, 4229 + PROTECTION_BYTES, MAX_PAYLOAD_BYTES];
const RECORDS_A_STEP: usize = 40;
const RESET_AFTER: Duration = Duration::from_secs(1);
const LEAST_BYTES_PER_SECOND: f64 = 20e6 / 8.0;
/// However much was sent at once, waits and pauses after it are no longer than if it had been so much.
const MOST_WAITED_FOR_BYTES: usize = 4 * MAX_PAYLOAD_BYTES;

/// How a client's bytes are cut into records, and when these are sent.
#[derive(Debug, Default)]
pub struct Shape {
    drs: bool,
    pages: Vec<Page>,
}

impl Shape {
    /// Makes a shape; pages win over dynamic record sizing.
    #[must_use]
    pub fn new(drs: bool, pages: Vec<Page>) -> Self {
        Self { drs, pages }
    }

    /// Whether records may wait for their bytes.
    pub fn waits(&self) -> bool {
        !self.pages.is_empty()
    }
}

/// One connection's records to its client.
pub struct Shaper {
    shape: Arc<Shape>,
    chance: Chance,
    /// Made since the connection began, or since the last second without a byte sent.
    records: usize,
    /// Which learnt record is next.
    cursor: Cursor,
    sent_at: Instant,
    /// How long a learnt record may wait for the bytes that it lacks.
    complete_by: Instant,
}

impl Shaper {
    /// Begins a connection's records.
    pub fn new(shape: Arc<Shape>, mut chance: Chance, now: Instant) -> Self {
        let cursor = Cursor::new(&shape.pages, &mut chance);
        Self { shape, chance, records: 0, cursor, sent_at: now, complete_by: now }
    }

    /// Plans the next records, as many as fit into `wire_bytes`, but one at least. Of learnt ones, those that pauses
    /// don't part and that `unread_bytes` fill; or returns how long to wait for a byte more.
    pub fn plan(
        &mut self,
        wire_bytes: usize,
        unread_bytes: usize,
        now: Instant,
        sizes: &mut Vec<usize>,
    ) -> Option<Duration> {
        if self.records > 0 && now.saturating_duration_since(self.sent_at) >= RESET_AFTER {
            self.records = 0;
            self.cursor.begin_page(&self.shape.pages, &mut self.chance);
        }
        sizes.clear();
        if self.shape.pages.is_empty() {
            self.plan_steps(wire_bytes, sizes);
            return None;
        }
        let mut planned_bytes = 0;
        for record in self.cursor.ahead(&self.shape.pages).iter().take(MAX_RECORDS) {
            planned_bytes += HEADER_BYTES + record.size;
            if !sizes.is_empty() && (planned_bytes > wire_bytes || !record.pause.is_zero()) {
                break;
            }
            sizes.push(record.size);
        }
        let whole = whole_records(sizes, unread_bytes);
        if whole == 0 && unread_bytes > 0 && now < self.complete_by {
            return Some(REST.min(self.complete_by - now));
        }
        sizes.truncate(whole.max(1));
        None
    }

    /// Notes that so many of the planned records were made, with so many bytes; returns how long to wait after them.
    pub fn note_records(&mut self, count: usize, payload_bytes: usize, now: Instant) -> Option<Duration> {
        self.records += count;
        if self.shape.pages.is_empty() {
            return None;
        }
        self.cursor.advance(count, &self.shape.pages, &mut self.chance);
        let longest = Duration::from_secs_f64(payload_bytes.min(MOST_WAITED_FOR_BYTES) as f64 / LEAST_BYTES_PER_SECOND);
        self.complete_by = self.complete_by.max(now + longest);
        let next = self.cursor.ahead(&self.shape.pages).first()?;
        Some(next.pause.min(longest)).filter(|pause| !pause.is_zero())
    }

    /// Notes that the client's kernel took some bytes.
    pub fn note_sent(&mut self, now: Instant) {
        self.sent_at = now;
    }

    fn plan_steps(&self, wire_bytes: usize, sizes: &mut Vec<usize>) {
        let mut planned_bytes = 0;
        while sizes.len() < MAX_RECORDS {
            let step = if self.shape.drs { (self.records + sizes.len()) / RECORDS_A_STEP } else { usize::MAX };
            let size = SIZES_OF_STEPS[step.min(SIZES_OF_STEPS.len() - 1)];
            planned_bytes += HEADER_BYTES + size;
            if planned_bytes > wire_bytes && !sizes.is_empty() {
                break;
            }
            sizes.push(size);
        }
    }
}

/// How many of the first records so many bytes fill.
fn whole_records(sizes: &[usize], mut bytes: usize) -> usize {
    let fills = |size: &&usize| {
        let is_filled = **size <= bytes;
        bytes = bytes.saturating_sub(**size);
        is_filled
    };
    sizes.iter().take_while(fills).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learnt::TimedRecord;

    const ROOM: usize = 1 << 20;

    /// Pages: the size of each record and the milliseconds before it, and how many are an opening.
    type Pages<'a> = &'a [(&'a [(usize, u64)], usize)];

    fn shaper(drs: bool, pages: Pages<'_>) -> (Shaper, Instant) {
        let timed = |(size, ms): &(usize, u64)| TimedRecord { size: *size, pause: Duration::from_millis(*ms) };
        let page = |(records, opening): &(&[(usize, u64)], usize)| {
            Page::new(records.iter().map(timed).collect(), *opening).expect("it is valid")
        };
        let now = Instant::now();
        let shape = Shape::new(drs, pages.iter().map(page).collect());
        (Shaper::new(Arc::new(shape), Chance::new(7), now), now)
    }

    fn plan(shaper: &mut Shaper, wire_bytes: usize, now: Instant) -> Vec<usize> {
        let mut sizes = Vec::new();
        assert_eq!(shaper.plan(wire_bytes, ROOM, now, &mut sizes), None);
        sizes
    }

    /// Makes all records that are planned, and returns their sizes and how long to wait after them.
    fn make(shaper: &mut Shaper, now: Instant) -> (Vec<usize>, Option<Duration>) {
        let sizes = plan(shaper, ROOM, now);
        let pause = shaper.note_records(sizes.len(), sizes.iter().sum(), now);
        shaper.note_sent(now);
        (sizes, pause)
    }

    #[test]
    fn dynamic_sizes_grow_in_two_steps_and_start_again_after_a_second_without_a_byte_sent() {
        let (mut shaper, start) = shaper(true, &[]);
        assert_eq!(plan(&mut shaper, ROOM, start), [vec![1386; 40], vec![4246; 24]].concat());
        assert_eq!(shaper.note_records(79, 1, start), None);
        assert_eq!(plan(&mut shaper, 1, start), [4246]);
        assert_eq!(plan(&mut shaper, 40_000, start), [4246, 16_401, 16_401]);
        shaper.note_records(1, 1, start);
        shaper.note_sent(start + Duration::from_millis(500));
        assert_eq!(plan(&mut shaper, 1, start + Duration::from_millis(1499)), [16_401]);
        assert_eq!(plan(&mut shaper, 1, start + Duration::from_millis(1500)), [1386]);
        shaper.note_records(40, 1, start);
        shaper.note_sent(start + Duration::from_millis(1500));
        assert_eq!(plan(&mut shaper, 1, start + Duration::from_millis(1500)), [4246]);
    }

    #[test]
    fn a_connection_follows_an_opening_and_then_pages_and_one_begins_after_a_second() {
        let (mut shaper, mut now) = shaper(true, &[(&[(250, 0), (251, 0), (300, 0), (16_401, 0), (77, 0)], 2)]);
        assert_eq!(make(&mut shaper, now).0, [250, 251, 300, 16_401, 77]);
        assert_eq!(make(&mut shaper, now).0, [300, 16_401, 77]);
        now += Duration::from_millis(999);
        assert_eq!(plan(&mut shaper, 400, now), [300]);
        shaper.note_records(1, 300, now);
        shaper.note_sent(now);
        assert_eq!(plan(&mut shaper, 400, now + Duration::from_millis(999)), [16_401]);
        assert_eq!(plan(&mut shaper, 400, now + Duration::from_secs(1)), [300]);
    }

    #[test]
    fn an_opening_waits_for_the_first_byte_for_as_long_as_it_takes() {
        let (mut shaper, now) = shaper(false, &[(&[(250, 0), (300, 0)], 1)]);
        assert_eq!(make(&mut shaper, now + Duration::from_secs(5)).0, [250, 300]);
    }

    #[test]
    fn any_page_comes() {
        let (mut shaper, now) = shaper(false, &[(&[(1, 0)], 0), (&[(2, 0)], 0), (&[(3, 0)], 0)]);
        let mut made: Vec<usize> = (0..50).flat_map(|_| make(&mut shaper, now).0).collect();
        made.sort_unstable();
        made.dedup();
        assert_eq!(made, [1, 2, 3]);
    }

    #[test]
    fn pauses_part_records_and_none_is_longer_than_its_bytes_take_at_20_mbit() {
        let (mut shaper, now) = shaper(false, &[(&[(300, 5000), (10_000, 1), (1000, 0), (400, 5000)], 0)]);
        assert_eq!(make(&mut shaper, now), (vec![300], Some(Duration::from_micros(120))));
        assert_eq!(make(&mut shaper, now), (vec![10_000, 1000], Some(Duration::from_micros(4400))));
        assert_eq!(make(&mut shaper, now), (vec![400], Some(Duration::from_micros(160))));
    }

    #[test]
    fn a_record_waits_for_its_bytes_as_long_as_those_before_take_at_20_mbit_but_the_first_never() {
        let (mut shaper, start) = shaper(false, &[(&[(300, 0), (1000, 0), (2000, 0)], 0)]);
        let mut sizes = Vec::new();
        assert_eq!(shaper.plan(ROOM, 299, start, &mut sizes), None);
        assert_eq!(sizes, [300]);
        assert_eq!(shaper.plan(ROOM, 1299, start, &mut sizes), None);
        assert_eq!(sizes, [300]);
        assert_eq!(shaper.plan(ROOM, 1300, start, &mut sizes), None);
        assert_eq!(sizes, [300, 1000]);
        shaper.note_records(2, 1300, start);
        let until = start + Duration::from_micros(520);
        assert_eq!(shaper.plan(ROOM, 1999, start, &mut sizes), Some(REST));
        assert_eq!(shaper.plan(ROOM, 1999, until - REST / 2, &mut sizes), Some(REST / 2));
        assert_eq!(shaper.plan(ROOM, 1999, until, &mut sizes), None);
        assert_eq!(sizes, [2000]);
        assert_eq!(shaper.plan(ROOM, 0, start, &mut sizes), None, "nothing but an end is there to be read");
        assert_eq!(shaper.plan(ROOM, 2000, start, &mut sizes), None);
    }

    #[test]
    fn a_short_record_takes_no_time_from_the_long_one_before_it() {
        let (mut shaper, start) = shaper(false, &[(&[(10_000, 0), (26, 0), (10_000, 0)], 0)]);
        shaper.note_records(1, 10_000, start);
        shaper.note_records(1, 26, start + REST);
        let until = start + Duration::from_millis(4);
        assert_eq!(shaper.plan(ROOM, 1, until - REST, &mut Vec::new()), Some(REST));
        assert_eq!(shaper.plan(ROOM, 1, until, &mut Vec::new()), None);
    }

    #[test]
    fn after_a_large_buffer_a_record_waits_no_longer_than_after_four_full_ones() {
        let (mut shaper, start) = shaper(false, &[(&[(16_401, 0); 20], 0)]);
        let until = start + Duration::from_nanos(4 * 6_560_400);
        shaper.note_records(15, 15 * 16_401, start);
        assert_eq!(shaper.plan(ROOM, 1, until - REST, &mut Vec::new()), Some(REST));
        assert_eq!(shaper.plan(ROOM, 1, until, &mut Vec::new()), None);
    }

    #[test]
    fn a_plan_fits_but_has_a_record_at_least_and_never_too_many() {
        let (mut shaper, now) = shaper(false, &[]);
        assert_eq!(plan(&mut shaper, 3 * 16_406, now).len(), 3);
        assert_eq!(plan(&mut shaper, 3 * 16_406 - 1, now).len(), 2);
        assert_eq!(plan(&mut shaper, 0, now), [16_401]);
        let (mut shaper, now) = self::shaper(false, &[(&[(10, 0); 100], 0)]);
        assert_eq!(plan(&mut shaper, 150, now).len(), 10);
        assert_eq!(plan(&mut shaper, 0, now), [10]);
        assert_eq!(make(&mut shaper, now).0.len(), MAX_RECORDS);
        assert_eq!(make(&mut shaper, now).0.len(), 100 - MAX_RECORDS);
    }

    #[test]
    fn a_record_that_is_empty_or_too_long_is_refused_and_so_is_a_page_of_none() {
        let page = |size, opening| Page::new(vec![TimedRecord { size, pause: Duration::ZERO }], opening);
        assert!(page(1, 0).is_some() && page(16_401, 0).is_some());
        assert!(page(0, 0).is_none() && page(16_402, 0).is_none() && page(1, 1).is_none());
        assert!(Page::new(Vec::new(), 0).is_none());
    }
}
