//! A connection's two sockets in the epoll set of its thread.
//!
//! Both are in it from the first to the last moment, so that no reset goes unnoticed. They are level-triggered while
//! the connection wants to read or to write, otherwise edge-triggered and only for errors, which epoll always reports:
//! a socket that both sides have shut down reports a hang-up forever, and would keep the thread in a busy loop.

use std::os::fd::OwnedFd;

use rustix::event::epoll;

use crate::conn::Conn;
use crate::side::{Interest, Ready, Side};
use crate::timer::Tick;

/// A connection, and its thread's data about it.
pub struct Watched {
    /// The connection.
    pub conn: Conn,
    /// When its timer rings, if it has one.
    pub tick: Option<Tick>,
    client: Option<Interest>,
    upstream: Option<Interest>,
}

impl Watched {
    /// Takes a connection whose sockets aren't in an epoll set yet.
    pub fn new(conn: Conn) -> Box<Self> {
        Box::new(Self { conn, tick: None, client: None, upstream: None })
    }

    /// Brings the epoll set up to date; false if the kernel refuses.
    pub fn watch(&mut self, epoll: &OwnedFd) -> bool {
        for side in Side::BOTH {
            let wanted = self.conn.interest(side);
            let registered = match side {
                Side::Client => &mut self.client,
                Side::Upstream => &mut self.upstream,
            };
            if *registered == Some(wanted) {
                continue;
            }
            let (socket, token) = (self.conn.socket(side), token(self.conn.number, side));
            let outcome = match registered {
                None => epoll::add(epoll, socket, token, flags(wanted)),
                Some(_) => epoll::modify(epoll, socket, token, flags(wanted)),
            };
            if outcome.is_err() {
                return false;
            }
            *registered = Some(wanted);
        }
        true
    }

    /// Takes both sockets out of the epoll set; closing does that too, unless a forked process holds copies.
    pub fn unwatch(&mut self, epoll: &OwnedFd) {
        for (side, registered) in [(Side::Client, self.client.take()), (Side::Upstream, self.upstream.take())] {
            if registered.is_some() {
                let _ = epoll::delete(epoll, self.conn.socket(side));
            }
        }
    }
}

/// The epoll token of a socket.
fn token(number: u64, side: Side) -> epoll::EventData {
    epoll::EventData::new_u64(number << 1 | u64::from(side == Side::Upstream))
}

/// The connection and the side of a token.
pub fn parse_token(token: u64) -> (u64, Side) {
    (token >> 1, if token & 1 == 0 { Side::Client } else { Side::Upstream })
}

fn flags(interest: Interest) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::empty();
    flags.set(epoll::EventFlags::IN, interest.read);
    flags.set(epoll::EventFlags::OUT, interest.write);
    flags.set(epoll::EventFlags::RDHUP, interest.end);
    flags.set(epoll::EventFlags::PRI, interest.urgent);
    flags.set(epoll::EventFlags::ET, interest == Interest::default());
    flags
}

/// The meaning of an event. A hang-up alone isn't an error: it means that both sides have shut down.
pub fn ready(events: epoll::EventFlags) -> Ready {
    use epoll::EventFlags as Flags;
    let over = events.intersects(Flags::ERR | Flags::HUP);
    Ready {
        read: over || events.contains(Flags::IN),
        write: over || events.contains(Flags::OUT),
        end: events.intersects(Flags::RDHUP | Flags::HUP),
        error: events.contains(Flags::ERR),
        urgent: events.contains(Flags::PRI),
    }
}
