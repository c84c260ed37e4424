//! The engine's input and output.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::cipher::CipherSpec;
use crate::shaper::Shape;
use crate::side::Side;

/// What to relay, and how.
pub struct Job<S = OwnedFd> {
    /// The client's socket: connected, non-blocking.
    pub client: S,
    /// The socket of the DC or the fronting site: likewise.
    pub upstream: S,
    /// Bytes received from the client and not processed yet.
    pub client_unread: Vec<u8>,
    /// Sent upstream before everything else, and not counted.
    pub preamble: Vec<u8>,
    /// None relays the bytes as they are.
    pub ciphers: Option<Ciphers>,
    /// When to end it if nothing moves.
    pub timeouts: Timeouts,
    /// The client's records, for Telegram; None: full ones, each sent at once.
    pub shape: Option<Arc<Shape>>,
    /// The most unsent bytes that the kernel may hold for either peer; None leaves it to the sockets.
    pub unsent_limit_bytes: Option<i32>,
}

/// How a Telegram stream is re-encrypted.
pub struct Ciphers {
    /// Bytes from the client are decrypted with the first and encrypted with the second.
    pub from_client: (CipherSpec, CipherSpec),
    /// The other way; None in fast mode.
    pub to_client: Option<(CipherSpec, CipherSpec)>,
}

/// How long a connection may be idle.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// How long neither socket may take a byte.
    pub idle: Duration,
    /// How long upstream may take no byte after it has ended its side. None: as long as `idle`.
    pub half_closed: Option<Duration>,
    /// How long the other side may take nothing of its last bytes when one is lost. In all, it has as long as `idle`.
    pub delivery: Duration,
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
    /// The loss of a side.
    #[must_use]
    pub(crate) fn reset_by(side: Side) -> Self {
        match side {
            Side::Client => Self::ClientReset,
            Side::Upstream => Self::UpstreamReset,
        }
    }

    /// Its name in Python.
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
    /// Why it ended.
    pub reason: Reason,
    /// Whether upstream had ended its side, or was lost.
    pub upstream_ended: bool,
    /// The time from its start to the first bytes from upstream, if any came.
    pub first_byte: Option<Duration>,
}

/// The traffic of a running connection since the last report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The job's number.
    pub number: u64,
    /// Bytes written upstream, without the preamble.
    pub from_client_bytes: u64,
    /// Bytes read from upstream.
    pub to_client_bytes: u64,
    /// Whether upstream has ended its side by now, or is lost.
    pub upstream_ended: bool,
}
