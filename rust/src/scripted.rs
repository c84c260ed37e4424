//! Sockets that follow a script, and connections between two of them: endings without a kernel, for tests only.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::IoSliceMut;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::{Errno, Result};

use crate::buffer::Pool;
use crate::cipher::CipherSpec;
use crate::conn::Conn;
use crate::counters::Registry;
use crate::io::Io;
use crate::job::{Ciphers, Finished, Job, Timeouts};
use crate::pacing::Rests;
use crate::shaper::Shape;
use crate::side::{Ready, Side};
use crate::turn::Turn;

/// Those of a visitor.
pub const TIMEOUTS: Timeouts = Timeouts {
    idle: Duration::from_secs(600),
    half_closed: Some(Duration::from_secs(60)),
    delivery: Duration::from_secs(30),
};

/// One of some ciphers.
pub fn spec(n: u8) -> CipherSpec {
    CipherSpec { key: [n; 32], iv: [n; 16], offset_bytes: 0 }
}

/// How a peer has ended its side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Not yet.
    Open,
    /// A FIN after its bytes.
    Fin,
    /// A RST after its bytes.
    Rst,
    /// A FIN after its bytes, and then a RST.
    FinThenRst,
}

impl Ending {
    /// Whether the connection is gone.
    pub fn is_lost(self) -> bool {
        matches!(self, Self::Rst | Self::FinThenRst)
    }
}

/// A peer and the kernel in front of it.
pub struct Peer {
    /// Bytes that it has sent and nobody has received.
    pub sent: RefCell<VecDeque<u8>>,
    /// How it has ended its side.
    pub ending: Cell<Ending>,
    /// The kernel's room for bytes to it.
    pub room_bytes: Cell<usize>,
    /// The bytes delivered to it.
    pub got: RefCell<Vec<u8>>,
    /// How many of those its own kernel hasn't acknowledged.
    pub unacknowledged_bytes: Cell<usize>,
    /// How many bytes our kernel holds for it; what a script doesn't set is sent at once.
    pub unsent_bytes: Cell<usize>,
    /// Whether it got a FIN.
    pub got_fin: Cell<bool>,
    /// Whether it got a RST.
    pub got_rst: Cell<bool>,
    /// The most bytes that one read returns.
    pub read_bytes: Cell<usize>,
    /// The place among `sent` of its urgent byte, which the stream leaves out.
    pub urgent_at: Cell<Option<usize>>,
    /// The places among `got` of bytes that came as urgent ones.
    pub got_urgent_at: RefCell<Vec<usize>>,
    urgent_is_told: Cell<bool>,
    error_is_told: Cell<bool>,
}

impl Peer {
    fn new() -> Rc<Self> {
        Rc::new(Self {
            sent: RefCell::default(),
            ending: Cell::new(Ending::Open),
            room_bytes: Cell::new(0),
            got: RefCell::default(),
            unacknowledged_bytes: Cell::new(0),
            unsent_bytes: Cell::new(0),
            got_fin: Cell::new(false),
            got_rst: Cell::new(false),
            error_is_told: Cell::new(false),
            read_bytes: Cell::new(usize::MAX),
            urgent_at: Cell::new(None),
            got_urgent_at: RefCell::default(),
            urgent_is_told: Cell::new(false),
        })
    }

    /// What epoll would say about its socket.
    fn ready(&self) -> Ready {
        let over = self.ending.get().is_lost();
        Ready {
            read: over || self.ending.get() == Ending::Fin || self.sent.borrow().len() > self.urgent_bytes_next(),
            write: over || self.room_bytes.get() > 0,
            end: self.ending.get() != Ending::Open,
            error: over && !self.error_is_told.get(),
            urgent: self.urgent_at.get().is_some() && !self.urgent_is_told.get(),
        }
    }

    /// Sends a byte as an urgent one. As in Linux, one that came next before is gone, and one behind others isn't urgent
    /// any more.
    pub fn say_urgent(&self, byte: u8) {
        let mut sent = self.sent.borrow_mut();
        sent.drain(..self.urgent_bytes_next());
        self.urgent_at.set(Some(sent.len()));
        self.urgent_is_told.set(false);
        sent.push_back(byte);
    }

    fn urgent_bytes_next(&self) -> usize {
        usize::from(self.urgent_at.get() == Some(0))
    }

    /// As in Linux, an error is reported once, by the first call that meets it, and bytes come before it.
    fn tell_error(&self) -> Option<Errno> {
        let error = match self.ending.get() {
            Ending::Rst => Errno::CONNRESET,
            Ending::FinThenRst => Errno::PIPE,
            Ending::Open | Ending::Fin => return None,
        };
        (!self.error_is_told.replace(true)).then_some(error)
    }
}

impl Io for Rc<Peer> {
    fn recv(&self, buffer: &mut [u8]) -> Result<usize> {
        let mut sent = self.sent.borrow_mut();
        if self.urgent_bytes_next() > 0 {
            sent.pop_front();
            self.urgent_at.set(None);
        }
        if sent.is_empty() {
            return match self.ending.get() {
                Ending::Open => Err(Errno::AGAIN),
                Ending::Rst => self.tell_error().map_or(Ok(0), Err),
                Ending::Fin | Ending::FinThenRst => Ok(0),
            };
        }
        let until = self.urgent_at.get().unwrap_or(sent.len());
        let count = until.min(buffer.len()).min(self.read_bytes.get());
        self.urgent_at.set(self.urgent_at.get().map(|at| at - count));
        for (place, byte) in buffer.iter_mut().zip(sent.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn recv_vectored(&self, buffers: &mut [IoSliceMut<'_>]) -> Result<usize> {
        let mut total = 0;
        for buffer in buffers {
            let count = match self.recv(buffer) {
                Ok(count) => count,
                Err(_) if total > 0 => break,
                Err(error) => return Err(error),
            };
            total += count;
            if count < buffer.len() || self.sent.borrow().is_empty() {
                break;
            }
        }
        Ok(total)
    }

    fn send(&self, bytes: &[u8]) -> Result<usize> {
        if self.ending.get().is_lost() {
            return Err(self.tell_error().unwrap_or(Errno::PIPE));
        }
        let count = bytes.len().min(self.room_bytes.get());
        if count == 0 {
            return Err(Errno::AGAIN);
        }
        assert!(!self.got_fin.get(), "bytes behind a FIN");
        self.room_bytes.set(self.room_bytes.get() - count);
        self.unacknowledged_bytes.set(self.unacknowledged_bytes.get() + count);
        self.got.borrow_mut().extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn send_before_more(&self, bytes: &[u8]) -> Result<usize> {
        self.send(bytes)
    }

    fn send_urgent(&self, byte: u8) -> Result<usize> {
        let count = self.send(&[byte])?;
        self.got_urgent_at.borrow_mut().push(self.got.borrow().len() - 1);
        Ok(count)
    }

    fn recv_urgent(&self) -> Result<u8> {
        let at = self.urgent_at.get().filter(|_| !self.urgent_is_told.replace(true)).ok_or(Errno::INVAL)?;
        Ok(self.sent.borrow()[at])
    }

    fn is_at_urgent_byte(&self) -> bool {
        self.urgent_bytes_next() > 0
    }

    fn shut_down_writing(&self) -> Result<()> {
        if self.ending.get().is_lost() {
            return Err(Errno::NOTCONN);
        }
        assert!(!self.got_fin.replace(true), "a second FIN");
        Ok(())
    }

    fn unread_bytes(&self) -> usize {
        self.sent.borrow().len()
    }

    fn unacknowledged_bytes(&self) -> usize {
        self.unacknowledged_bytes.get()
    }

    fn unsent_bytes(&self) -> usize {
        self.unsent_bytes.get()
    }

    fn take_error(&self) -> Option<Errno> {
        self.tell_error()
    }

    fn tune(&self, _unsent_limit_bytes: Option<i32>) {}

    fn make_room(&self) {}

    fn reset_on_close(&self) {
        self.got_rst.set(true);
    }

    fn be_forgotten_soon(&self) {}
}

/// A connection between two peers, and its thread.
pub struct World {
    /// The client.
    pub client: Rc<Peer>,
    /// The DC or the site.
    pub upstream: Rc<Peer>,
    /// How it ended, if it has.
    pub finished: Option<Finished>,
    /// Counts undelivered bytes.
    pub registry: Registry,
    /// The clock.
    pub now: Instant,
    /// When the client's kernel acknowledges everything but our FIN, if a rest lasts until then.
    pub acknowledged_at: Option<Instant>,
    conn: Option<Conn<Rc<Peer>>>,
    pool: Pool,
    rests: Rests,
}

impl World {
    /// Begins to relay. Peers take nothing at first.
    pub fn new(ciphers: Option<Ciphers>, timeouts: Timeouts, shape: Option<Arc<Shape>>) -> Self {
        let (client, upstream) = (Peer::new(), Peer::new());
        let mut world = Self {
            client: Rc::clone(&client),
            upstream: Rc::clone(&upstream),
            finished: None,
            registry: Registry::default(),
            now: Instant::now(),
            acknowledged_at: None,
            conn: None,
            pool: Pool::new(),
            rests: Rests::default(),
        };
        let (client_unread, preamble, unsent_limit_bytes) = (Vec::new(), Vec::new(), None);
        let job = Job { client, upstream, client_unread, preamble, ciphers, timeouts, shape, unsent_limit_bytes };
        world.conn = Some(Conn::start(0, job, &mut world.turn()));
        world
    }

    /// The peer on a side.
    pub fn peer(&self, side: Side) -> &Peer {
        match side {
            Side::Client => &self.client,
            Side::Upstream => &self.upstream,
        }
    }

    /// Lets the connection's thread work until there is nothing to do at this time; panics if that never happens.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            let Some(conn) = &self.conn else { return };
            let wanted = Side::BOTH.into_iter().find_map(|side| {
                let (ready, interest) = (self.peer(side).ready(), conn.interest(side));
                let is_ready = ready.read && interest.read
                    || ready.write && interest.write
                    || ready.end && interest.end
                    || ready.urgent && interest.urgent
                    || ready.error;
                is_ready.then_some((side, ready))
            });
            let rested = self.rests.next();
            match (wanted, rested) {
                (Some((side, ready)), _) => {
                    if ready.error {
                        // Level-triggered events repeat it, edge-triggered ones don't: once must be enough.
                        self.peer(side).error_is_told.set(self.conn().interest(side) == Default::default());
                    }
                    self.update(|conn, turn| conn.step(side, ready, turn));
                }
                (None, Some(moment)) => {
                    self.now = self.now.max(moment);
                    if self.acknowledged_at.is_some_and(|at| at <= self.now) {
                        self.client.unacknowledged_bytes.set(1);
                    }
                    while let Some((_, source)) = self.rests.take_rested(self.now) {
                        self.update(|conn, turn| conn.go_on(source, turn));
                    }
                }
                (None, None) => return,
            }
        }
        panic!("it spins");
    }

    /// Lets time pass, and timers ring.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(conn) = &self.conn {
            let next = conn.next_look();
            if next > until {
                break;
            }
            self.now = self.now.max(next);
            self.update(Conn::look);
            self.settle();
        }
        self.now = until;
    }

    fn conn(&self) -> &Conn<Rc<Peer>> {
        self.conn.as_ref().expect("it goes on")
    }

    fn turn(&mut self) -> Turn<'_> {
        Turn { pool: &mut self.pool, rests: &mut self.rests, registry: &self.registry, now: self.now }
    }

    fn update(&mut self, change: impl FnOnce(&mut Conn<Rc<Peer>>, &mut Turn<'_>)) {
        let Some(mut conn) = self.conn.take() else { return };
        change(&mut conn, &mut self.turn());
        if conn.is_over() {
            self.finished = Some(conn.close(&mut self.turn()));
        } else {
            self.conn = Some(conn);
        }
    }
}
