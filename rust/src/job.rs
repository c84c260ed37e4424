//! What goes into the engine, and what comes out of it.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use crate::cipher::CipherSpec;
use crate::shaper::Shape;

/// What to relay, and how.
pub struct Job<S = OwnedFd> {
    /// The client's socket: connected, non-blocking.
    pub client: S,
    /// The DC's or fronting site's.
    pub upstream: S,
    /// Bytes received from the client that nobody has dealt with.
    pub client_unread: Vec<u8>,
    /// Sent upstream before everything else, and not counted.
    pub preamble: Vec<u8>,
    /// None relays the bytes as they are.
    pub ciphers: Option<Ciphers>,
    /// For how long.
    pub timeouts: Timeouts,
    /// The client's records, for Telegram; None: full ones, each sent at once.
    pub shape: Option<Arc<Shape>>,
}

/// How a Telegram stream is re-encrypted.
pub struct Ciphers {
    /// What comes from the client is decrypted with the first and encrypted with the second.
    pub from_client: (CipherSpec, CipherSpec),
    /// The other way; None in fast mode.
    pub to_client: Option<(CipherSpec, CipherSpec)>,
}

/// For how long a connection may stand still.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Neither socket took a byte.
    pub idle: Duration,
    /// Upstream has ended its side, and takes no byte more. None: as long as `idle`.
    pub half_closed: Option<Duration>,
    /// One side is lost, and the other takes nothing of what is left for it. `idle` bounds the whole.
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
    /// Whether upstream had ended its side, or was lost.
    pub upstream_ended: bool,
}

/// What a running connection has moved since the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The job's number.
    pub number: u64,
    /// Bytes written upstream, without the preamble.
    pub from_client_bytes: u64,
    /// Bytes read from upstream.
    pub to_client_bytes: u64,
    /// Whether upstream has ended its side, or is lost, by now.
    pub upstream_ended: bool,
}
