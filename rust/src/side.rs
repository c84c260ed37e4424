//! The two sides of a connection, and the events to wait for on each.

/// One of a connection's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Towards the client.
    Client,
    /// Towards the DC or the fronting site.
    Upstream,
}

impl Side {
    /// Both of them.
    pub const BOTH: [Self; 2] = [Self::Client, Self::Upstream];

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Upstream,
            Self::Upstream => Self::Client,
        }
    }
}

/// The events that a connection waits for on one of its sockets, besides errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Bytes.
    pub read: bool,
    /// Room for bytes.
    pub write: bool,
    /// The peer's end of stream, even while bytes before it can't be read yet.
    pub end: bool,
    /// An urgent byte.
    pub urgent: bool,
}

/// The events of a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// There may be bytes, or the end of the stream.
    pub read: bool,
    /// There may be room.
    pub write: bool,
    /// The peer has ended its side; there may be bytes before that.
    pub end: bool,
    /// The connection to this peer is lost.
    pub error: bool,
    /// An urgent byte has come, which may be behind others.
    pub urgent: bool,
}
