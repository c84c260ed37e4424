//! A connection: two sockets, a direction each way, and the rules of how it ends.
//!
//! An end of file is carried over as a half-close, and the connection ends when both directions have. When one side is
//! gone, what was read from it is still delivered to the other, down to that peer's kernel, which is then reset.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{set_socket_linger, set_tcp_nodelay};

use crate::buffer::Pool;
use crate::cipher::CipherSpec;
use crate::codec::Codec;
use crate::counters::{Registry, Traffic};
use crate::flow::{Fault, Flow, Moved};
use crate::record::Decoder;
use crate::recrypt::Recrypt;
use crate::rest::Rests;
use crate::sys::{is_broken, limit_unsent_bytes, unacknowledged_bytes};

/// How much of what a peer doesn't take yet the kernel may hold for it.
const MAX_UNSENT_BYTES: i32 = 128 * 1024;

/// What to relay, and how.
pub struct Job {
    /// The client's socket: connected, non-blocking.
    pub client: OwnedFd,
    /// The DC's or fronting site's.
    pub upstream: OwnedFd,
    /// Bytes received from the client that nobody has dealt with.
    pub client_unread: Vec<u8>,
    /// Sent upstream before everything else, and not counted.
    pub preamble: Vec<u8>,
    /// None relays the bytes as they are.
    pub ciphers: Option<Ciphers>,
    /// How long nothing may move.
    pub idle_timeout: Duration,
}

/// How a Telegram stream is re-encrypted.
pub struct Ciphers {
    /// What comes from the client is decrypted with the first and encrypted with the second.
    pub from_client: (CipherSpec, CipherSpec),
    /// The other way; None in fast mode.
    pub to_client: Option<(CipherSpec, CipherSpec)>,
}

/// Why a connection ended; for an orderly end, which side ended first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Reason {
    ClientEof,
    UpstreamEof,
    ClientReset,
    UpstreamReset,
    Idle,
    BadRecord,
    Shutdown,
}

impl Reason {
    /// The name that Python knows it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientEof => "client_eof",
            Self::UpstreamEof => "upstream_eof",
            Self::ClientReset => "client_reset",
            Self::UpstreamReset => "upstream_reset",
            Self::Idle => "idle",
            Self::BadRecord => "bad_record",
            Self::Shutdown => "shutdown",
        }
    }
}

/// A connection that is over; its sockets are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The job's number.
    pub number: u64,
    /// Bytes written upstream, without the preamble.
    pub from_client_bytes: u64,
    /// Bytes read from upstream.
    pub to_client_bytes: u64,
    /// Why.
    pub reason: Reason,
}

/// One of a connection's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Towards the client.
    Client,
    /// Towards the DC or the fronting site.
    Upstream,
}

impl Side {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Upstream,
            Self::Upstream => Self::Client,
        }
    }
}

/// What a connection waits for on one of its sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// For bytes.
    pub read: bool,
    /// For room.
    pub write: bool,
}

/// What a step borrows from the thread whose turn it is.
pub struct Turn<'a> {
    /// Its buffers.
    pub pool: &'a mut Pool,
    /// Its directions that rest.
    pub rests: &'a mut Rests,
    /// The engine's counters.
    pub registry: &'a Registry,
    /// Its clock, read once a turn.
    pub now: Instant,
}

enum State {
    Relaying,
    /// One side is gone; the other gets the rest of what was read for it.
    Delivering {
        reason: Reason,
        living: Side,
    },
    Over(Reason),
}

/// A connection.
pub struct Conn {
    /// The job's number.
    pub number: u64,
    client: OwnedFd,
    upstream: OwnedFd,
    up: Flow,
    down: Flow,
    first_eof: Option<Reason>,
    state: State,
    idle_timeout: Duration,
    active_at: Instant,
    traffic: Arc<Traffic>,
}

impl Conn {
    /// Takes a job up, and sends what there is to be sent.
    pub fn start(number: u64, job: Job, turn: &mut Turn<'_>) -> Self {
        let (up, down) = match job.ciphers {
            None => (Codec::Raw, Codec::Raw),
            Some(ciphers) => (
                Codec::Unwrap(Decoder::default(), Recrypt::new(&ciphers.from_client.0, &ciphers.from_client.1)),
                ciphers.to_client.as_ref().map_or(Codec::Wrap { bulk: false }, |(decrypt, encrypt)| {
                    Codec::WrapRecrypted(Recrypt::new(decrypt, encrypt))
                }),
            ),
        };
        let mut conn = Self {
            number,
            client: job.client,
            upstream: job.upstream,
            up: Flow::new(up, job.preamble.len()),
            down: Flow::new(down, 0),
            first_eof: None,
            state: State::Relaying,
            idle_timeout: job.idle_timeout,
            active_at: turn.now,
            traffic: turn.registry.begin(number),
        };
        for side in [Side::Client, Side::Upstream] {
            // Neither is there for a socket that isn't TCP, nor missed.
            let _ = set_tcp_nodelay(conn.fd(side), true);
            limit_unsent_bytes(conn.fd(side), MAX_UNSENT_BYTES);
        }
        let (moved, outcome) =
            conn.up.start(&job.preamble, &job.client_unread, conn.upstream.as_fd(), turn.pool, &turn.registry.held);
        conn.note(Side::Client, moved, outcome, turn);
        conn
    }

    /// The descriptor of a side.
    pub fn fd(&self, side: Side) -> BorrowedFd<'_> {
        match side {
            Side::Client => self.client.as_fd(),
            Side::Upstream => self.upstream.as_fd(),
        }
    }

    /// What to wait for on a side.
    pub fn interest(&self, side: Side) -> Interest {
        let (source, sink) = match side {
            Side::Client => (&self.up, &self.down),
            Side::Upstream => (&self.down, &self.up),
        };
        Interest { read: source.wants_to_read(), write: sink.wants_to_send() }
    }

    /// Goes on: `side` may have bytes, or room for some.
    pub fn step(&mut self, side: Side, may: Interest, turn: &mut Turn<'_>) {
        if may.write && self.interest(side).write {
            self.flush(side, turn);
        }
        if may.read && self.interest(side).read {
            self.read(side, turn);
        }
        self.look_whether_all_is_delivered(turn);
    }

    /// Goes on with what comes from `source`, which has rested.
    pub fn go_on(&mut self, source: Side, turn: &mut Turn<'_>) {
        match source {
            Side::Client => self.up.go_on(),
            Side::Upstream => self.down.go_on(),
        }
        self.step(source, Interest { read: true, write: false }, turn);
    }

    /// Ends the connection at once.
    pub fn abort(&mut self, reason: Reason) {
        self.state = match self.state {
            State::Relaying => State::Over(reason),
            State::Delivering { reason, .. } | State::Over(reason) => State::Over(reason),
        };
    }

    /// When the connection will have been idle for too long, if nothing moves until then.
    pub fn deadline(&self) -> Instant {
        self.active_at + self.idle_timeout
    }

    /// Whether it waits for a peer's kernel to acknowledge the last bytes, of which nobody tells it.
    pub fn awaits_acknowledgement(&self) -> bool {
        matches!(self.state, State::Delivering { .. }) && !self.up.wants_to_send() && !self.down.wants_to_send()
    }

    /// Asks whether they were.
    pub fn look_whether_all_is_delivered(&mut self, turn: &Turn<'_>) {
        if let State::Delivering { reason, living } = self.state {
            let idle = turn.now >= self.deadline();
            let living = self.fd(living);
            if self.awaits_acknowledgement() && (idle || unacknowledged_bytes(living) == 0 || is_broken(living)) {
                self.state = State::Over(reason);
            }
        }
    }

    /// Whether it is to be closed.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// Closes both sockets: with a reset, unless everything that was read was delivered.
    pub fn close(mut self, turn: &mut Turn<'_>) -> Finished {
        let reason = match self.state {
            State::Over(reason) | State::Delivering { reason, .. } => reason,
            State::Relaying => Reason::Shutdown,
        };
        let undelivered = self.up.wants_to_send() || self.down.wants_to_send();
        if undelivered || matches!(reason, Reason::ClientReset | Reason::UpstreamReset | Reason::BadRecord) {
            for side in [Side::Client, Side::Upstream] {
                // A socket that isn't TCP has no such option, and nothing to lose.
                let _ = set_socket_linger(self.fd(side), Some(Duration::ZERO));
            }
        }
        self.up.discard(turn.pool, &turn.registry.held);
        self.down.discard(turn.pool, &turn.registry.held);
        turn.registry.end(self.number);
        let (from_client_bytes, to_client_bytes) = self.traffic.totals();
        Finished { number: self.number, from_client_bytes, to_client_bytes, reason }
    }

    fn read(&mut self, source: Side, turn: &mut Turn<'_>) {
        let held = &turn.registry.held;
        let (flow, from, to) = match source {
            Side::Client => (&mut self.up, &self.client, &self.upstream),
            Side::Upstream => (&mut self.down, &self.upstream, &self.client),
        };
        let (moved, outcome) = flow.read(from.as_fd(), to.as_fd(), turn.pool, held);
        if flow.rests() {
            turn.rests.begin(turn.now, self.number, source);
        }
        self.note(source, moved, outcome, turn);
    }

    fn flush(&mut self, sink: Side, turn: &mut Turn<'_>) {
        let held = &turn.registry.held;
        let (moved, outcome) = match sink {
            Side::Client => self.down.flush(self.client.as_fd(), turn.pool, held),
            Side::Upstream => self.up.flush(self.upstream.as_fd(), turn.pool, held),
        };
        self.note(sink.other(), moved, outcome, turn);
    }

    /// Accounts for a step of the direction that comes from `source`, and draws the consequences.
    #[allow(clippy::needless_pass_by_value)]
    fn note(&mut self, source: Side, moved: Moved, outcome: Result<(), Fault>, turn: &mut Turn<'_>) {
        if moved.sent_bytes > 0 {
            self.active_at = turn.now;
        }
        match source {
            Side::Client => self.traffic.add_from_client(moved.counted_bytes),
            Side::Upstream => self.traffic.add_to_client(moved.received_bytes),
        }
        match outcome {
            Ok(()) => self.note_ends(),
            Err(Fault::Source) => self.lose(source, reset_by(source), turn),
            Err(Fault::Sink) => self.lose(source.other(), reset_by(source.other()), turn),
            Err(Fault::BadRecord) => self.lose(Side::Client, Reason::BadRecord, turn),
        }
    }

    fn note_ends(&mut self) {
        if self.first_eof.is_none() {
            if self.up.has_ended() {
                self.first_eof = Some(Reason::ClientEof);
            } else if self.down.has_ended() {
                self.first_eof = Some(Reason::UpstreamEof);
            }
        }
        if let (State::Relaying, Some(reason), true) =
            (&self.state, self.first_eof, self.up.is_over() && self.down.is_over())
        {
            self.state = State::Over(reason);
        }
    }

    /// `dead` is gone: nothing more is read from anyone, and only what was read from `dead` is delivered.
    fn lose(&mut self, dead: Side, reason: Reason, turn: &mut Turn<'_>) {
        let towards_dead = match dead {
            Side::Client => &mut self.down,
            Side::Upstream => &mut self.up,
        };
        towards_dead.discard(turn.pool, &turn.registry.held);
        self.up.stop_reading();
        self.down.stop_reading();
        self.state = match self.state {
            State::Relaying => State::Delivering { reason, living: dead.other() },
            // Now both are gone.
            State::Delivering { reason, .. } | State::Over(reason) => State::Over(reason),
        };
        self.look_whether_all_is_delivered(turn);
    }
}

fn reset_by(side: Side) -> Reason {
    match side {
        Side::Client => Reason::ClientReset,
        Side::Upstream => Reason::UpstreamReset,
    }
}
