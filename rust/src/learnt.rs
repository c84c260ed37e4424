//! Records that a site has sent, and how far a client's connection has followed them. The rules are those of `Shape` in
//! relay/job.py.

use std::time::Duration;

use crate::chance::Chance;
use crate::record::MAX_PAYLOAD_BYTES;

/// A record of a site.
#[derive(Debug)]
pub struct TimedRecord {
    /// The length of its payload.
    pub size: usize,
    /// How long nothing came before it.
    pub pause: Duration,
}

/// Sequences of records.
#[derive(Debug, Default)]
pub struct Learnt {
    openings: Vec<Vec<TimedRecord>>,
    responses: Vec<Vec<TimedRecord>>,
}

impl Learnt {
    /// Takes what follows a handshake by itself, and whole responses; None if a sequence or a record is empty, or a
    /// record too long.
    #[must_use]
    pub fn new(openings: Vec<Vec<TimedRecord>>, responses: Vec<Vec<TimedRecord>>) -> Option<Self> {
        let is_valid = |sequence: &Vec<TimedRecord>| {
            !sequence.is_empty() && sequence.iter().all(|record| (1..=MAX_PAYLOAD_BYTES).contains(&record.size))
        };
        openings.iter().chain(&responses).all(is_valid).then_some(Self { openings, responses })
    }

    /// Whether there is nothing to follow.
    pub fn is_empty(&self) -> bool {
        self.responses.is_empty()
    }
}

/// A place in a sequence.
pub struct Cursor {
    is_opening: bool,
    sequence: usize,
    record: usize,
}

impl Cursor {
    /// The beginning of a connection.
    pub fn opening(learnt: &Learnt, chance: &mut Chance) -> Self {
        if learnt.openings.is_empty() {
            return Self::response(learnt, chance);
        }
        Self { is_opening: true, sequence: chance.below(learnt.openings.len()), record: 0 }
    }

    /// The beginning of a response, any one.
    pub fn response(learnt: &Learnt, chance: &mut Chance) -> Self {
        Self { is_opening: false, sequence: chance.below(learnt.responses.len().max(1)), record: 0 }
    }

    /// What comes next in this sequence.
    pub fn ahead<'a>(&self, learnt: &'a Learnt) -> &'a [TimedRecord] {
        let sequences = if self.is_opening { &learnt.openings } else { &learnt.responses };
        sequences.get(self.sequence).map_or(&[], |sequence| &sequence[self.record..])
    }

    /// Goes on by so many records; after the last one, another response begins.
    pub fn advance(&mut self, records: usize, learnt: &Learnt, chance: &mut Chance) {
        self.record += records;
        if self.ahead(learnt).is_empty() {
            *self = Self::response(learnt, chance);
        }
    }
}
