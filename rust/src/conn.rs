//! A connection: two sockets, a direction each way, and the rules of how it ends.
//!
//! An end of stream is passed on as a half-close, and the connection ends when both directions have ended. When one
//! side is lost, all data from it, including what is still unread in our kernel's buffer, is delivered to the other
//! side until that peer's kernel has it; then that side is reset. Meanwhile, data from the living side is read and
//! discarded.
//!
//! After a bad record, upstream gets what came before it and an end of stream, and the client an alert.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::backlog::Backlog;
use crate::codec::codecs;
use crate::counters::Traffic;
use crate::flow::{Fault, Flow, Moved};
use crate::io::Io;
use crate::job::{Finished, Job, Reason, Timeouts};
use crate::record::{encrypted_alert, BadRecord};
use crate::side::{Interest, Ready, Side};
use crate::turn::Turn;

const LEAST_PAUSE: Duration = Duration::from_millis(1);

#[derive(Clone, Copy)]
enum State {
    Relaying,
    /// One side is lost; the other gets the rest of its data.
    Delivering {
        reason: Reason,
        living: Side,
        living_has_ended: bool,
    },
    Over(Reason),
}

/// A connection.
pub struct Conn<S = OwnedFd> {
    /// The job's number.
    pub number: u64,
    client: S,
    upstream: S,
    up: Flow,
    down: Flow,
    first_eof: Option<Reason>,
    state: State,
    /// What the living side hasn't taken; before a loss, what the client hasn't taken since upstream has ended its
    /// side, if there is a time-out for that. Few connections have one at a time, so it is boxed.
    backlog: Option<Box<Backlog>>,
    timeouts: Timeouts,
    active_at: Instant,
    started_at: Instant,
    first_byte_at: Option<Instant>,
    traffic: Arc<Traffic>,
}

impl<S: Io> Conn<S> {
    /// Starts a job, and sends the bytes that it begins with.
    pub fn start(number: u64, job: Job<S>, turn: &mut Turn<'_>) -> Self {
        if job.shape.as_ref().is_some_and(|shape| shape.waits()) && job.ciphers.is_some() {
            job.upstream.make_room();
        }
        let (up, down) = codecs(job.ciphers.as_ref(), job.shape, turn.now);
        let mut conn = Self {
            number,
            client: job.client,
            upstream: job.upstream,
            up: Flow::new(up, job.preamble.len()),
            down: Flow::new(down, 0),
            first_eof: None,
            state: State::Relaying,
            backlog: None,
            timeouts: job.timeouts,
            active_at: turn.now,
            started_at: turn.now,
            first_byte_at: None,
            traffic: turn.registry.begin(number),
        };
        conn.client.tune(job.unsent_limit_bytes);
        conn.upstream.tune(job.unsent_limit_bytes);
        let held = &turn.registry.held;
        let (moved, outcome) =
            conn.up.start(&job.preamble, &job.client_unread, &conn.client, &conn.upstream, turn.pool, held);
        conn.note(Side::Client, moved, outcome, turn);
        conn
    }

    /// The socket of a side.
    pub fn socket(&self, side: Side) -> &S {
        match side {
            Side::Client => &self.client,
            Side::Upstream => &self.upstream,
        }
    }

    /// What to wait for on a side.
    pub fn interest(&self, side: Side) -> Interest {
        let write = self.flow_from(side.other()).wants_to_send();
        match self.state {
            State::Relaying => {
                let read = self.flow_from(side).wants_to_read();
                // A client that doesn't take upstream's last bytes gets no more time than one that does.
                let may_end = self.backlog.is_none() && self.timeouts.half_closed.is_some();
                let urgent = read && self.flow_from(side).is_raw();
                Interest { read, write, end: side == Side::Upstream && !read && may_end, urgent }
            }
            State::Delivering { living, living_has_ended, .. } if living == side => {
                Interest { read: !living_has_ended, write, ..Interest::default() }
            }
            State::Delivering { .. } => Interest { read: self.flow_from(side).wants_to_read(), ..Interest::default() },
            State::Over(_) => Interest::default(),
        }
    }

    /// Handles events of `side`.
    pub fn step(&mut self, side: Side, ready: Ready, turn: &mut Turn<'_>) {
        if ready.write && self.interest(side).write {
            self.flush(side, turn);
        }
        let is_urgent = ready.urgent && self.receive_urgent(side);
        if (ready.read || is_urgent) && self.interest(side).read {
            match self.state {
                State::Delivering { living, .. } if living == side => self.read_and_discard(side, turn),
                _ => self.read(side, turn),
            }
        }
        if ready.end && self.interest(side).end {
            self.note_upstreams_end(turn);
        }
        if ready.error {
            let had_ended = self.socket(side).take_error() == Some(Errno::PIPE);
            self.lose(side, Reason::reset_by(side), had_ended, turn);
        }
        self.end_if_all_is_delivered();
    }

    /// Reads from `source` again after a rest.
    pub fn go_on(&mut self, source: Side, turn: &mut Turn<'_>) {
        self.flow_from_mut(source).go_on();
        self.step(source, Ready { read: true, ..Ready::default() }, turn);
        self.look_often(source, turn);
    }

    /// Ends the connection at once.
    pub fn abort(&mut self, reason: Reason) {
        self.state = match self.state {
            State::Relaying => State::Over(reason),
            State::Delivering { reason, .. } | State::Over(reason) => State::Over(reason),
        };
    }

    /// When to call `look`, if nothing happens until then.
    pub fn next_look(&self) -> Instant {
        let deadline = self.deadline();
        match &self.backlog {
            Some(backlog) if self.is_delivering() || !backlog.is_empty() => deadline.min(backlog.next_look()),
            _ => deadline,
        }
    }

    /// Polls: whether a peer's kernel has acknowledged bytes, and whether a time-out has passed.
    pub fn look(&mut self, turn: &mut Turn<'_>) {
        let left_bytes = self.left_bytes();
        if let Some(backlog) = &mut self.backlog {
            backlog.note_left(turn.now, left_bytes);
        }
        if self.deadline() <= turn.now {
            if self.down.is_over() && self.timeouts.half_closed.is_some() {
                self.client.be_forgotten_soon(); // the site's kernel has forgotten it
            }
            self.abort(Reason::Idle);
        }
        self.end_if_all_is_delivered();
    }

    /// Whether it has to be closed.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// Closes both sockets: with a reset, unless everything that was read was delivered, or refused.
    pub fn close(mut self, turn: &mut Turn<'_>) -> Finished {
        let reason = match self.state {
            State::Over(reason) | State::Delivering { reason, .. } => reason,
            State::Relaying => Reason::Shutdown,
        };
        let undelivered = self.up.wants_to_send() || self.down.wants_to_send();
        let is_lost = matches!(reason, Reason::ClientReset | Reason::UpstreamReset);
        if is_lost || (undelivered && reason != Reason::BadRecord) {
            self.client.reset_on_close();
            self.upstream.reset_on_close();
        }
        self.up.discard(turn.pool, &turn.registry.held);
        self.down.discard(turn.pool, &turn.registry.held);
        turn.registry.end(self.number);
        let (from_client_bytes, to_client_bytes) = self.traffic.totals();
        let upstream_ended = self.traffic.upstream_ended();
        let first_byte = self.first_byte_at.map(|at| at - self.started_at);
        Finished { number: self.number, from_client_bytes, to_client_bytes, reason, upstream_ended, first_byte }
    }

    /// The direction that comes from a side.
    fn flow_from(&self, source: Side) -> &Flow {
        match source {
            Side::Client => &self.up,
            Side::Upstream => &self.down,
        }
    }

    fn flow_from_mut(&mut self, source: Side) -> &mut Flow {
        match source {
            Side::Client => &mut self.up,
            Side::Upstream => &mut self.down,
        }
    }

    fn is_delivering(&self) -> bool {
        matches!(self.state, State::Delivering { .. })
    }

    /// When it will have been idle for too long.
    fn deadline(&self) -> Instant {
        let Timeouts { idle, half_closed, delivery } = self.timeouts;
        let idle_at = self.active_at + idle;
        match &self.backlog {
            None => idle_at,
            Some(backlog) if self.is_delivering() => (backlog.taken_at() + delivery).min(backlog.begun_at() + idle),
            Some(backlog) => idle_at.min(backlog.taken_at() + half_closed.unwrap_or(idle)),
        }
    }

    fn watch_backlog(&mut self, turn: &Turn<'_>) {
        let has_waited = self.is_delivering() && (self.up.wants_to_send() || self.down.wants_to_send());
        let taken_at = if has_waited { self.active_at } else { turn.now };
        self.backlog = Some(Backlog::new(turn.now, taken_at, self.left_bytes()).into());
    }

    /// Counts the bytes that `backlog` is about: those that the living side doesn't have or, before a loss, the client.
    fn left_bytes(&self) -> usize {
        let sink = match self.state {
            State::Delivering { living, .. } => living,
            State::Relaying | State::Over(_) => Side::Client,
        };
        self.flow_from(sink.other()).left_bytes(self.socket(sink), self.is_delivering())
    }

    /// Looks for an acknowledgement that a reset waits for: every millisecond at first, then a sixteenth late.
    fn look_often(&mut self, source: Side, turn: &mut Turn<'_>) {
        if self.flow_from(source).reset_waits_for_acknowledgement() {
            self.look(turn);
            let passed = self.backlog.as_ref().map_or(Duration::ZERO, |backlog| turn.now - backlog.begun_at());
            turn.rests.begin(turn.now + LEAST_PAUSE.max(passed / 16), self.number, source);
        }
    }

    fn read(&mut self, source: Side, turn: &mut Turn<'_>) {
        let held = &turn.registry.held;
        let (flow, from, to) = match source {
            Side::Client => (&mut self.up, &self.client, &self.upstream),
            Side::Upstream => (&mut self.down, &self.upstream, &self.client),
        };
        let (moved, outcome) = flow.read(from, to, turn.pool, held, turn.now);
        if source == Side::Upstream && moved.received_bytes > 0 && self.first_byte_at.is_none() {
            self.first_byte_at = Some(turn.now);
        }
        if let Some(rest) = moved.rest {
            turn.rests.begin(turn.now + rest, self.number, source);
        }
        self.note(source, moved, outcome, turn);
    }

    /// Reads bytes that have no destination any more, so that their peer isn't blocked from reading.
    fn read_and_discard(&mut self, source: Side, turn: &mut Turn<'_>) {
        match (self.socket(source).recv(&mut turn.pool.received), &mut self.state) {
            (Ok(0), State::Delivering { living_has_ended, .. }) => *living_has_ended = true,
            (Ok(_) | Err(Errno::AGAIN | Errno::INTR), _) | (_, State::Relaying | State::Over(_)) => (),
            (Err(_), State::Delivering { .. }) => self.lose(source, Reason::reset_by(source), false, turn),
        }
    }

    /// Receives an urgent byte if it is to be passed on; returns whether it is.
    fn receive_urgent(&mut self, source: Side) -> bool {
        let is_wanted = self.interest(source).urgent;
        if is_wanted {
            match source {
                Side::Client => self.up.urgent.receive(&self.client),
                Side::Upstream => self.down.urgent.receive(&self.upstream),
            }
        }
        is_wanted
    }

    fn flush(&mut self, sink: Side, turn: &mut Turn<'_>) {
        let held = &turn.registry.held;
        let (moved, outcome) = match sink {
            Side::Client => self.down.flush(&self.client, turn.pool, held),
            Side::Upstream => self.up.flush(&self.upstream, turn.pool, held),
        };
        self.note(sink.other(), moved, outcome, turn);
    }

    /// Counts a step of the direction that comes from `source`, and handles its outcome.
    #[allow(clippy::needless_pass_by_value)]
    fn note(&mut self, source: Side, moved: Moved, outcome: Result<(), Fault>, turn: &mut Turn<'_>) {
        if moved.sent_bytes > 0 {
            self.active_at = turn.now;
            self.flow_from_mut(source).note_sent(turn.now);
            if let Some(backlog) = &mut self.backlog {
                backlog.note_taken(turn.now);
            }
        }
        match source {
            Side::Client => self.traffic.add_from_client(moved.counted_bytes),
            Side::Upstream => self.traffic.add_to_client(moved.received_bytes),
        }
        match outcome {
            Ok(()) => self.note_ends(turn),
            Err(Fault::Source) => self.lose(source, Reason::reset_by(source), false, turn),
            Err(Fault::Sink { had_ended }) => {
                self.lose(source.other(), Reason::reset_by(source.other()), had_ended, turn)
            }
            Err(Fault::BadRecord(bad_record)) => self.refuse(bad_record),
        }
    }

    fn note_ends(&mut self, turn: &Turn<'_>) {
        if !matches!(self.state, State::Relaying) {
            return;
        }
        if self.down.has_ended() {
            self.note_upstreams_end(turn);
        }
        if self.first_eof.is_none() {
            if self.up.has_ended() {
                self.first_eof = Some(Reason::ClientEof);
            } else if self.down.has_ended() {
                self.first_eof = Some(Reason::UpstreamEof);
            }
        }
        if let (Some(reason), true) = (self.first_eof, self.up.is_over() && self.down.is_over()) {
            self.state = State::Over(reason);
        }
    }

    fn note_upstreams_end(&mut self, turn: &Turn<'_>) {
        self.traffic.end_upstream();
        if matches!(self.state, State::Relaying) && self.backlog.is_none() && self.timeouts.half_closed.is_some() {
            self.watch_backlog(turn);
        }
    }

    /// Ends the connection as a TLS server does after a record that no client may send.
    fn refuse(&mut self, bad_record: BadRecord) {
        if !matches!(self.state, State::Relaying) {
            return;
        }
        if !self.down.wants_to_send() && !self.down.is_over() {
            let _ = self.client.send(&encrypted_alert());
        }
        if bad_record.resets {
            self.client.reset_on_close();
        }
        self.state = State::Over(Reason::BadRecord);
    }

    /// Handles the loss of `dead`: only its bytes are delivered, and its end of stream if it `had_ended` its side.
    fn lose(&mut self, dead: Side, reason: Reason, had_ended: bool, turn: &mut Turn<'_>) {
        match self.state {
            State::Relaying => (),
            // Now both are lost.
            State::Delivering { reason, living, .. } if living == dead => {
                self.state = State::Over(reason);
                return;
            }
            State::Delivering { .. } | State::Over(_) => return,
        }
        if dead == Side::Upstream {
            self.traffic.end_upstream();
        }
        let living = dead.other();
        self.flow_from_mut(dead).lose_source(had_ended);
        self.flow_from_mut(living).stop_reading();
        self.flow_from_mut(living).discard(turn.pool, &turn.registry.held);
        self.state = State::Delivering { reason, living, living_has_ended: false };
        self.watch_backlog(turn);
        self.end_if_all_is_delivered();
        self.look_often(dead, turn);
    }

    fn end_if_all_is_delivered(&mut self) {
        let State::Delivering { reason, living, .. } = self.state else { return };
        let flow = self.flow_from(living.other());
        if flow.has_ended() && !flow.wants_to_send() && self.left_bytes() == 0 {
            self.state = State::Over(reason);
        }
    }
}
