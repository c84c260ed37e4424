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

/// The records in which a site has sent a page over a new connection.
#[derive(Debug)]
pub struct Page {
    records: Vec<TimedRecord>,
    /// How many of them came before the page, without being asked for.
    opening: usize,
}

impl Page {
    /// Makes a page; None if it or a record is empty, or a record too long.
    #[must_use]
    pub fn new(records: Vec<TimedRecord>, opening: usize) -> Option<Self> {
        let is_valid = records.iter().all(|record| (1..=MAX_PAYLOAD_BYTES).contains(&record.size));
        (is_valid && opening < records.len()).then_some(Self { records, opening })
    }
}

/// A place in one of some pages.
#[derive(Default)]
pub struct Cursor {
    page: usize,
    record: usize,
}

impl Cursor {
    /// The beginning of a connection: any page, with its opening.
    pub fn new(pages: &[Page], chance: &mut Chance) -> Self {
        if pages.is_empty() {
            return Self::default();
        }
        Self { page: chance.below(pages.len()), record: 0 }
    }

    /// Goes to the beginning of any page, behind its opening.
    pub fn begin_page(&mut self, pages: &[Page], chance: &mut Chance) {
        if !pages.is_empty() {
            self.page = chance.below(pages.len());
            self.record = pages[self.page].opening;
        }
    }

    /// What comes next in this page.
    pub fn ahead<'a>(&self, pages: &'a [Page]) -> &'a [TimedRecord] {
        pages.get(self.page).map_or(&[], |page| &page.records[self.record..])
    }

    /// Goes on by so many records; after the last one, another page begins.
    pub fn advance(&mut self, records: usize, pages: &[Page], chance: &mut Chance) {
        self.record += records;
        if self.ahead(pages).is_empty() {
            self.begin_page(pages, chance);
        }
    }
}
