//! The two sides of a connection, and what is waited for on each.

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

/// What a connection waits for on one of its sockets; of an error it always wants to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// For bytes.
    pub read: bool,
    /// For room.
    pub write: bool,
    /// For the peer's end of stream, though bytes in front of it can't be read yet.
    pub end: bool,
}

/// What has happened to one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready {
    /// There may be bytes, or an end.
    pub read: bool,
    /// There may be room.
    pub write: bool,
    /// The peer has ended its side; there may be bytes in front of that.
    pub end: bool,
    /// The connection to this peer is lost.
    pub error: bool,
}
