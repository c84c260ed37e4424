//! One direction of a connection: read, transform, send. Bytes that the sink doesn't take are kept, and nothing more is
//! read meanwhile.

use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::buffer::{Buffer, Pool, READ_BYTES};
use crate::codec::{Codec, Filled};
use crate::counters::Held;
use crate::io::Io;
use crate::pacing::REST;
use crate::record::BadRecord;
use crate::urgent::{self, Urgent};

/// Why a direction can't go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Reading failed: the source is gone.
    Source,
    /// Sending failed: the sink is gone.
    Sink {
        /// Whether it had ended its side before: then Linux says EPIPE, otherwise ECONNRESET.
        had_ended: bool,
    },
    /// The client broke the record protocol; everything before that was sent.
    BadRecord(BadRecord),
}

struct Pending {
    buffer: Buffer,
    start: usize,
    end: usize,
    /// Whether the last byte is urgent.
    ends_urgent: bool,
}

impl Pending {
    /// Moves a short rest out of its large buffer: many slow readers would keep many large buffers.
    fn without_waste(self, pool: &mut Pool) -> Self {
        let left = self.end - self.start;
        if left > self.buffer.len() / 2 {
            return self;
        }
        let buffer: Buffer = self.buffer[self.start..self.end].into();
        pool.give(self.buffer);
        Self { buffer, start: 0, end: left, ends_urgent: self.ends_urgent }
    }
}

/// A direction.
pub struct Flow {
    /// The urgent byte from the source, if it has sent one.
    pub urgent: Urgent,
    codec: Codec,
    pending: Option<Pending>,
    rests: bool,
    source_is_lost: bool,
    source_had_ended: bool,
    ended: bool,
    fin_sent: bool,
    bad_record: Option<BadRecord>,
    uncounted_bytes: usize,
}

/// The result of a step.
#[derive(Default)]
pub struct Moved {
    /// Bytes read from the source.
    pub received_bytes: usize,
    /// Bytes that the sink's kernel took.
    pub sent_bytes: usize,
    /// Those of them that aren't our preamble.
    pub counted_bytes: usize,
    /// How long the direction rests; nothing is read until `go_on`.
    pub rest: Option<Duration>,
}

impl Flow {
    /// Makes a direction; the first `uncounted_bytes` sent are our preamble.
    pub fn new(codec: Codec, uncounted_bytes: usize) -> Self {
        Self {
            urgent: Urgent::default(),
            codec,
            pending: None,
            rests: false,
            source_is_lost: false,
            source_had_ended: false,
            ended: false,
            fin_sent: false,
            bad_record: None,
            uncounted_bytes,
        }
    }

    /// Whether more bytes may come and there is room for them.
    pub fn wants_to_read(&self) -> bool {
        !self.ended && !self.rests && self.pending.is_none()
    }

    /// Whether the bytes are relayed as they are: a visitor's.
    pub fn is_raw(&self) -> bool {
        matches!(self.codec, Codec::Raw)
    }

    /// Notes that the sink's kernel took some bytes.
    pub fn note_sent(&mut self, now: Instant) {
        self.codec.note_sent(now);
    }

    /// Ends a rest.
    pub fn go_on(&mut self) {
        self.rests = false;
    }

    /// Whether something waits to be sent.
    pub fn wants_to_send(&self) -> bool {
        self.pending.is_some()
    }

    /// How many bytes were read that the sink's kernel doesn't have yet, where `is_lost` says whether the source is.
    pub fn left_bytes(&self, sink: &impl Io, is_lost: bool) -> usize {
        let pending_bytes = self.pending.as_ref().map_or(0, |pending| pending.end - pending.start);
        pending_bytes
            + if is_lost && self.reset_waits_for_acknowledgement() {
                sink.unacknowledged_bytes().saturating_sub(1) // our FIN may be acknowledged later than all before it
            } else if is_lost && self.is_raw() {
                // A lost site's own kernel doesn't wait for a visitor's either: its reset follows what it has sent.
                sink.unsent_bytes()
            } else {
                sink.unacknowledged_bytes()
            }
    }

    /// Whether nothing more will be read: the source has ended its side, or is lost and has nothing left.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether everything was delivered, including the end of file.
    pub fn is_over(&self) -> bool {
        self.fin_sent
    }

    /// Notes that the source is lost: only the bytes left in its kernel are read. Their end isn't the end of the
    /// stream, and isn't passed on, unless the source `had_ended` its side before.
    pub fn lose_source(&mut self, had_ended: bool) {
        self.source_is_lost = true;
        self.source_had_ended = had_ended;
    }

    /// Whether the source's reset counts once the sink's kernel has everything.
    ///
    /// A reset after a FIN is the kernel's answer to bytes for a program that has closed. If the peer had sent them
    /// before it got the FIN, it ignores this reset, as it isn't what comes next (RFC 5961, 3.2). Its acknowledgement
    /// is answered with another one.
    pub fn reset_waits_for_acknowledgement(&self) -> bool {
        self.is_raw() && self.source_had_ended
    }

    /// Reads nothing more; pending bytes can still be sent.
    pub fn stop_reading(&mut self) {
        self.source_is_lost = true;
        self.source_had_ended = false;
        self.ended = true;
    }

    /// Discards pending bytes.
    pub fn discard(&mut self, pool: &mut Pool, held: &Held) {
        if let Some(pending) = self.pending.take() {
            held.remove(pending.end - pending.start);
            pool.give(pending.buffer);
        }
    }

    /// Sends the preamble, and the bytes that were read before the engine got the connection.
    pub fn start(
        &mut self,
        preamble: &[u8],
        unread: &[u8],
        source: &impl Io,
        sink: &impl Io,
        pool: &mut Pool,
        held: &Held,
    ) -> (Moved, Result<(), Fault>) {
        let unread_to = preamble.len() + unread.len();
        let gathers = matches!(self.codec, Codec::Raw) && (1..READ_BYTES / 2).contains(&unread_to);
        let mut buffer =
            if gathers { pool.take() } else { vec![0; unread_to + crate::cipher::SLACK_BYTES].into_boxed_slice() };
        buffer[..preamble.len()].copy_from_slice(preamble);
        let filled = self.codec.transform_unread(unread, pool, &mut buffer[preamble.len()..]);
        let mut moved = Moved { received_bytes: unread.len(), ..Moved::default() };
        let mut end = preamble.len() + filled.output_bytes;
        // What has come meanwhile goes into the same segment. A site that closes while bytes are unread ends with a
        // RST; if it got the same bytes in parts, it might end with a FIN.
        let urgent = if gathers && source.is_at_urgent_byte() { source.recv_urgent().ok() } else { None };
        let more =
            if gathers && urgent.is_none() { source.recv(&mut buffer[end..READ_BYTES]) } else { Err(Errno::AGAIN) };
        let count = more.unwrap_or(0);
        end += count;
        if let Some(byte) = urgent {
            buffer[end] = byte;
            end += 1;
        }
        moved.received_bytes += count + usize::from(urgent.is_some());
        let pending = Pending { buffer, start: 0, end, ends_urgent: urgent.is_some() };
        let outcome = self.send(pending, sink, &mut moved, pool, held);
        let outcome = outcome.and_then(|()| self.note_end(more == Ok(0), filled.bad_record, sink));
        (moved, outcome.and_then(|()| more.map_or_else(|error| self.note_error(error), |_| Ok(()))))
    }

    /// Reads once and sends the result. Call it when `wants_to_read`.
    pub fn read(
        &mut self,
        source: &impl Io,
        sink: &impl Io,
        pool: &mut Pool,
        held: &Held,
        now: Instant,
    ) -> (Moved, Result<(), Fault>) {
        if let Some(rest) = self.codec.plan(source, pool, now) {
            self.rests = true;
            return (Moved { rest: Some(rest), ..Moved::default() }, Ok(()));
        }
        let mut moved = Moved::default();
        let mut buffer = pool.take();
        if let Some(byte) = self.urgent.take_if_next(source) {
            buffer[0] = byte;
            moved.received_bytes = 1;
            let outcome =
                self.send(Pending { buffer, start: 0, end: 1, ends_urgent: true }, sink, &mut moved, pool, held);
            return (moved, outcome);
        }
        let filled = match self.codec.fill(source, pool, &mut buffer, now) {
            Ok(filled) => filled,
            Err(error) => {
                pool.give(buffer);
                return (moved, self.note_error(error).and_then(|()| self.pass_on_the_end(sink)));
            }
        };
        let Filled { received_bytes, output_bytes, bad_record, pause } = filled;
        moved.received_bytes = received_bytes;
        let mut end = output_bytes;
        let urgent = self.urgent.take_if_next(source);
        if let Some(byte) = urgent {
            buffer[end] = byte;
            end += 1;
            moved.received_bytes += 1;
        }
        // A site mustn't see a visitor's bytes with gaps that the visitor didn't make.
        let gathers = received_bytes >= READ_BYTES && !matches!(self.codec, Codec::Raw);
        moved.rest = pause.or(gathers.then_some(REST));
        self.rests = moved.rest.is_some();
        let pending = Pending { buffer, start: 0, end, ends_urgent: urgent.is_some() };
        let outcome = self.send(pending, sink, &mut moved, pool, held);
        (moved, outcome.and_then(|()| self.note_end(received_bytes == 0, bad_record, sink)))
    }

    /// Sends pending bytes. Call it when `wants_to_send`.
    pub fn flush(&mut self, sink: &impl Io, pool: &mut Pool, held: &Held) -> (Moved, Result<(), Fault>) {
        let mut moved = Moved::default();
        let mut outcome = Ok(());
        if let Some(pending) = self.pending.take() {
            held.remove(pending.end - pending.start);
            outcome = self.send(pending, sink, &mut moved, pool, held);
        }
        (moved, outcome.and_then(|()| self.pass_on_the_end(sink)))
    }

    fn send(
        &mut self,
        mut pending: Pending,
        sink: &impl Io,
        moved: &mut Moved,
        pool: &mut Pool,
        held: &Held,
    ) -> Result<(), Fault> {
        let mut outcome = Ok(());
        if pending.start < pending.end {
            match urgent::send(sink, &pending.buffer[pending.start..pending.end], pending.ends_urgent) {
                Ok(count) => {
                    pending.start += count;
                    moved.sent_bytes += count;
                    let preamble = count.min(self.uncounted_bytes);
                    self.uncounted_bytes -= preamble;
                    moved.counted_bytes += count - preamble;
                }
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(error) => outcome = Err(Fault::Sink { had_ended: error == Errno::PIPE }),
            }
        }
        if pending.start == pending.end || outcome.is_err() {
            pool.give(pending.buffer);
        } else {
            held.add(pending.end - pending.start);
            self.pending = Some(pending.without_waste(pool));
        }
        outcome
    }

    fn note_error(&mut self, error: Errno) -> Result<(), Fault> {
        if self.source_is_lost {
            self.ended = true;
            return Ok(());
        }
        match error {
            Errno::AGAIN | Errno::INTR => Ok(()),
            _ => {
                self.stop_reading();
                Err(Fault::Source)
            }
        }
    }

    fn note_end(&mut self, is_end: bool, bad_record: Option<BadRecord>, sink: &impl Io) -> Result<(), Fault> {
        if bad_record.is_some() {
            self.stop_reading();
            self.bad_record = bad_record;
        }
        self.ended |= is_end;
        self.pass_on_the_end(sink)
    }

    /// Passes on the end of the stream, or tells what it broke with, once everything before that is sent.
    fn pass_on_the_end(&mut self, sink: &impl Io) -> Result<(), Fault> {
        if let (None, Some(bad_record)) = (&self.pending, self.bad_record) {
            return Err(Fault::BadRecord(bad_record));
        }
        let is_known = !self.source_is_lost || self.source_had_ended;
        if self.ended && is_known && !self.fin_sent && self.pending.is_none() {
            self.fin_sent = true;
            sink.shut_down_writing().map_err(|_| Fault::Sink { had_ended: false })?;
        }
        Ok(())
    }
}
