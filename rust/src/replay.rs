//! Remembers hellos: 64-bit fingerprints in generations, of which the oldest is dropped when there are too many.
//!
//! A generation has its fingerprints in the order of their arrival, and an index of hash tables over them: in all, some
//! 17 bytes for each. The tables are small and grow one at a time, so that no insertion takes long. Tests check that
//! `mtglib/antireplay/pure.py` remembers the same fingerprints; change both together.

use std::collections::VecDeque;

use aws_lc_rs::digest;

/// A key of [`Memory`], in bytes.
pub const KEY_BYTES: usize = 16;

const GENERATIONS: usize = 8;
/// Moving this many into a table of twice the size takes less than a millisecond.
const TABLE_ENTRIES: usize = 65_536;
const LEAST_SLOTS: usize = 16;

/// Remembers the latest data; once it has seen as many as it may hold, it never holds fewer than 7/8 of that.
pub struct Memory {
    key: [u8; KEY_BYTES],
    max_entries: usize,
    generation_entries: usize,
    generations: VecDeque<Generation>,
    added: u64,
}

impl Memory {
    /// Make one that holds at most `max_entries` fingerprints, and at least one.
    pub fn new(key: [u8; KEY_BYTES], max_entries: usize) -> Self {
        let max_entries = max_entries.max(1);
        let generation_entries = (max_entries / GENERATIONS).max(1);
        Self { key, max_entries, generation_entries, generations: VecDeque::new(), added: 0 }
    }

    /// Return whether `data` is remembered, and remember it if not.
    pub fn seen(&mut self, data: &[u8], now_unix: i64) -> bool {
        let fingerprint = self.fingerprint(data);
        if self.generations.iter().rev().any(|generation| generation.contains(fingerprint)) {
            return true;
        }
        self.add(fingerprint, now_unix);
        false
    }

    /// Remember fingerprints of an earlier process, unless they are known; 8 bytes each, little-endian.
    pub fn load(&mut self, fingerprints: &[u8], seen_unix: i64) {
        for bytes in fingerprints.chunks_exact(8) {
            self.add(u64::from_le_bytes(bytes.try_into().expect("8 bytes")), seen_unix);
        }
    }

    /// The number of fingerprints ever remembered.
    pub fn added(&self) -> u64 {
        self.added
    }

    /// The number of those that are forgotten: the first ones.
    pub fn forgotten(&self) -> u64 {
        self.generations.front().map_or(self.added, |oldest| oldest.start)
    }

    /// When the oldest remembered one was seen.
    pub fn oldest_unix(&self) -> Option<i64> {
        self.generations.front().map(|oldest| oldest.first_unix)
    }

    /// At most `most` fingerprints of one generation, from number `sequence` or the oldest remembered one on; before
    /// them the number of the first one.
    pub fn since(&self, sequence: u64, most: usize) -> (u64, &[u64]) {
        let sequence = sequence.max(self.forgotten());
        for generation in &self.generations {
            let skipped = usize::try_from(sequence - generation.start).unwrap_or(usize::MAX);
            if let Some(rest @ [_, ..]) = generation.entries.get(skipped..) {
                return (sequence, &rest[..rest.len().min(most)]);
            }
        }
        (sequence, &[])
    }

    /// The beginning of SHA-256 over key and data: one block for 28 bytes of a hello, and nobody can extend a shortened
    /// hash.
    fn fingerprint(&self, data: &[u8]) -> u64 {
        let mut block = [0; 64];
        let hash = match block.get_mut(..KEY_BYTES + data.len()) {
            Some(whole) => {
                let (key, rest) = whole.split_at_mut(KEY_BYTES);
                key.copy_from_slice(&self.key);
                rest.copy_from_slice(data);
                digest::digest(&digest::SHA256, whole)
            }
            None => digest::digest(&digest::SHA256, &[&self.key, data].concat()),
        };
        u64::from_le_bytes(hash.as_ref()[..8].try_into().expect("32 bytes"))
    }

    fn add(&mut self, fingerprint: u64, now_unix: i64) {
        if (self.added - self.forgotten()) as usize >= self.max_entries {
            self.generations.pop_front();
        }
        if self.generations.back().is_none_or(|latest| latest.entries.len() >= self.generation_entries) {
            self.generations.push_back(Generation::new(self.added, now_unix, self.generation_entries));
        }
        if let Some(latest) = self.generations.back_mut() {
            latest.add(fingerprint);
        }
        self.added += 1;
    }
}

struct Generation {
    start: u64,
    first_unix: i64,
    max_entries: usize,
    entries: Vec<u64>,
    tables: Vec<Table>,
    table_shift: u32,
}

impl Generation {
    fn new(start: u64, first_unix: i64, max_entries: usize) -> Self {
        let tables = max_entries.div_ceil(TABLE_ENTRIES).next_power_of_two().max(2); // two: a shift by 64 is invalid
        Self {
            start,
            first_unix,
            max_entries,
            entries: Vec::new(),
            tables: (0..tables).map(|_| Table::new(max_entries)).collect(),
            table_shift: u64::BITS - tables.trailing_zeros(),
        }
    }

    fn contains(&self, fingerprint: u64) -> bool {
        self.tables[(fingerprint >> self.table_shift) as usize].contains(fingerprint, &self.entries)
    }

    fn add(&mut self, fingerprint: u64) {
        let count = self.entries.len();
        if count == self.entries.capacity() {
            self.entries.reserve_exact((self.max_entries - count).min(count.max(LEAST_SLOTS)));
        }
        self.entries.push(fingerprint);
        self.tables[(fingerprint >> self.table_shift) as usize].add(fingerprint, count as u32, &self.entries);
    }
}

/// An open-addressed hash table of the numbers of a generation's entries, counted from 1; 0 is an empty slot.
///
/// The upper bits of a slot are bits of the fingerprint, as many as fit, so that other fingerprints are seldom looked
/// up.
struct Table {
    slots: Vec<u32>,
    used: usize,
    number_mask: u32,
}

impl Table {
    fn new(max_entries: usize) -> Self {
        Self { slots: Vec::new(), used: 0, number_mask: ((max_entries + 1).next_power_of_two() - 1) as u32 }
    }

    fn contains(&self, fingerprint: u64, entries: &[u64]) -> bool {
        if self.slots.is_empty() {
            return false;
        }
        let mut at = self.first_slot(fingerprint);
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return false;
            }
            if slot & !self.number_mask == self.tag(fingerprint) && entries[self.index(slot)] == fingerprint {
                return true;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn add(&mut self, fingerprint: u64, index: u32, entries: &[u64]) {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            let grown = vec![0; (self.slots.len() * 2).max(LEAST_SLOTS)];
            for slot in std::mem::replace(&mut self.slots, grown) {
                if slot != 0 {
                    self.place(entries[self.index(slot)], slot);
                }
            }
        }
        self.place(fingerprint, (index + 1) | self.tag(fingerprint));
        self.used += 1;
    }

    fn place(&mut self, fingerprint: u64, slot: u32) {
        let mut at = self.first_slot(fingerprint);
        while self.slots[at] != 0 {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = slot;
    }

    fn index(&self, slot: u32) -> usize {
        (slot & self.number_mask) as usize - 1
    }

    /// Bits of a fingerprint: not the lowest, which choose the slot, nor the highest, which choose the table.
    fn tag(&self, fingerprint: u64) -> u32 {
        (fingerprint >> 20) as u32 & !self.number_mask
    }

    fn first_slot(&self, fingerprint: u64) -> usize {
        fingerprint as usize & (self.slots.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(number: u64) -> [u8; 28] {
        let mut data = [7; 28];
        data[..8].copy_from_slice(&number.to_le_bytes());
        data
    }

    #[test]
    fn ten_million_hellos_raise_no_false_alarm_and_the_latest_are_remembered() {
        let mut memory = Memory::new([3; 16], 1_000_000);
        for number in 0..10_000_000 {
            assert!(!memory.seen(&bytes(number), 5), "{number}");
        }
        let kept = memory.added() - memory.forgotten();
        assert!((875_000..=1_000_000).contains(&kept), "{kept}");
        for number in memory.forgotten()..memory.added() {
            assert!(memory.seen(&bytes(number), 6), "{number}");
        }
    }

    #[test]
    fn memory_grows_with_use_and_a_million_hellos_take_24_mib_at_most() {
        let mut memory = Memory::new([3; 16], 1_000_000);
        for number in 1..1_200_000_u64 {
            memory.load(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes(), 5);
            if number == 1000 {
                assert!(allocated_bytes(&memory) < 100_000);
            }
        }
        assert!((8_000_000..24 << 20).contains(&allocated_bytes(&memory)), "{}", allocated_bytes(&memory));
    }

    fn allocated_bytes(memory: &Memory) -> usize {
        let of_table = |table: &Table| table.slots.capacity() * size_of::<u32>();
        let of = |one: &Generation| one.entries.capacity() * 8 + one.tables.iter().map(of_table).sum::<usize>();
        memory.generations.iter().map(of).sum()
    }

    #[test]
    fn the_oldest_go_when_it_is_full_and_never_more_than_an_eighth() {
        for max_entries in [1, 2, 7, 8, 9, 15, 16, 100, 1001] {
            let mut memory = Memory::new([1; 16], max_entries);
            for number in 0..5000 {
                assert!(!memory.seen(&bytes(number), number as i64));
                let kept = (memory.added() - memory.forgotten()) as usize;
                assert!(kept <= max_entries && kept * 8 >= (number as usize + 1).min(max_entries) * 7, "{max_entries}");
                assert_eq!(memory.oldest_unix(), Some(memory.forgotten() as i64));
            }
            for number in memory.forgotten()..memory.added() {
                assert!(memory.seen(&bytes(number), 0));
            }
        }
    }

    #[test]
    fn what_is_taken_out_and_loaded_elsewhere_is_known_there() {
        let (mut one, mut other) = (Memory::new([1; 16], 1000), Memory::new([1; 16], 1000));
        for number in 0..2500 {
            one.seen(&bytes(number), 7);
        }
        let mut at = 0;
        loop {
            let (start, fingerprints) = one.since(at, 33);
            if fingerprints.is_empty() {
                break;
            }
            let raw: Vec<u8> = fingerprints.iter().flat_map(|number| number.to_le_bytes()).collect();
            other.load(&raw, 7);
            at = start + fingerprints.len() as u64;
        }
        assert_eq!((at, other.added()), (2500, 2500 - one.forgotten()));
        for number in one.forgotten()..2500 {
            assert!(other.seen(&bytes(number), 8));
        }
        assert_eq!(one.since(99_999, 5), (99_999, [].as_slice()));
    }

    #[test]
    fn longer_and_shorter_data_has_fingerprints_too() {
        let mut memory = Memory::new([1; 16], 1000);
        for length in 0..200 {
            assert!(!memory.seen(&vec![1; length], 0));
            assert!(memory.seen(&vec![1; length], 0));
        }
    }

    #[test]
    fn tables_are_many_where_a_generation_is_large() {
        let mut generation = Generation::new(0, 0, 1_000_000);
        for number in 0..1000_u64 {
            generation.add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        }
        assert_eq!(generation.tables.len(), 16);
        assert!((0..1000_u64).all(|number| generation.contains(number.wrapping_mul(0x9E37_79B9_7F4A_7C15))));
        assert!(!generation.contains(1));
    }
}
