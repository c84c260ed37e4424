//! One thread of the engine: an epoll loop over its connections.
//!
//! New connections come through an inbox; by then their sockets are already in the epoll set, so a new connection costs
//! this thread nothing until the first byte comes.

use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::event::epoll;
use rustix::io::Errno;

use crate::buffer::Pool;
use crate::conn::Conn;
use crate::counters::Registry;
use crate::inbox::{Command, Inbox, WAKE};
use crate::job::{Finished, Reason};
use crate::pacing::Rests;
use crate::timer::Timers;
use crate::turn::Turn;
use crate::watch::{parse_token, ready, Watched};

const EVENTS: usize = 256;
const PAUSE_AFTER_A_FAILURE: Duration = Duration::from_millis(10);

/// The thread.
pub struct Worker<'a> {
    inbox: &'a Inbox,
    registry: &'a Registry,
    report: &'a dyn Fn(Finished),
    conns: HashMap<u64, Box<Watched>>,
    pool: Pool,
    rests: Rests,
    timers: Timers,
    now: Instant,
    wake_at: Option<Instant>,
    stopping: bool,
}

impl<'a> Worker<'a> {
    /// Makes a thread's state; `report` gets connections that have ended.
    pub fn new(inbox: &'a Inbox, registry: &'a Registry, report: &'a dyn Fn(Finished)) -> Self {
        let now = Instant::now();
        Self {
            inbox,
            registry,
            report,
            conns: HashMap::new(),
            pool: Pool::new(),
            rests: Rests::default(),
            timers: Timers::new(now),
            now,
            wake_at: None,
            stopping: false,
        }
    }

    /// Works until it is told to stop.
    pub fn run(mut self) {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            if self.inbox.note_commands() {
                self.read_inbox();
            }
            if self.stopping {
                return;
            }
            let wake_at = self.next_wake();
            let outcome = self.inbox.wait(&mut events, wake_at, self.rests.next());
            if outcome.is_err_and(|error| error != Errno::INTR) {
                // Perhaps the kernel is out of memory: try again, but not in a busy loop.
                std::thread::sleep(PAUSE_AFTER_A_FAILURE);
            }
            self.registry.turns.fetch_add(1, Ordering::Relaxed);
            self.now = Instant::now();
            for event in &events {
                self.handle(event.data.u64(), event.flags);
            }
            self.wake_the_rested();
            self.look_at_timers();
        }
    }

    /// When the thread wakes up, if nothing happens until then.
    ///
    /// It doesn't become later when the connection it was for is over: a new connection would then have to wake the
    /// thread just to make it earlier again.
    fn next_wake(&mut self) -> Option<Instant> {
        let still_ahead = self.wake_at.filter(|wake_at| *wake_at > self.now);
        self.wake_at = still_ahead.into_iter().chain(self.timers.next()).min();
        self.wake_at
    }

    fn wake_the_rested(&mut self) {
        while let Some((number, source)) = self.rests.take_rested(self.now) {
            self.update(number, |conn, turn| conn.go_on(source, turn));
        }
    }

    fn read_inbox(&mut self) {
        for command in self.inbox.take_commands() {
            match command {
                Command::Take(watched) => self.take(watched),
                Command::Abort(number) => self.update(number, |conn, _| conn.abort(Reason::Shutdown)),
                Command::Stop => self.stopping = true,
            }
        }
        if self.stopping {
            let all: Vec<u64> = self.conns.keys().copied().collect();
            for number in all {
                self.update(number, |conn, _| conn.abort(Reason::Shutdown));
            }
        }
    }

    fn take(&mut self, watched: Box<Watched>) {
        let number = watched.conn.number;
        self.conns.insert(number, watched);
        self.update(number, |_, _| ());
    }

    fn handle(&mut self, token: u64, events: epoll::EventFlags) {
        if token == WAKE {
            self.inbox.note_wake();
            return;
        }
        let (number, side) = parse_token(token);
        if !self.conns.contains_key(&number) {
            // The event came before the connection: the caller that adds it still holds the inbox.
            self.read_inbox();
        }
        self.update(number, |conn, turn| conn.step(side, ready(events), turn));
    }

    /// Changes a connection, and then watches it for other events if needed, or closes it.
    fn update(&mut self, number: u64, change: impl FnOnce(&mut Conn, &mut Turn<'_>)) {
        let Some(watched) = self.conns.get_mut(&number) else { return };
        let mut turn = Turn { pool: &mut self.pool, rests: &mut self.rests, registry: self.registry, now: self.now };
        // A bug may end its connection, but never the host's process.
        if catch_unwind(AssertUnwindSafe(|| change(&mut watched.conn, &mut turn))).is_err() {
            watched.conn.abort(Reason::Shutdown);
        }
        if watched.conn.is_over() || !watched.watch(&self.inbox.epoll) {
            self.close(number);
            return;
        }
        let tick = self.timers.tick(watched.conn.next_look());
        if watched.tick.is_none_or(|set| tick < set) {
            if let Some(set) = watched.tick.replace(tick) {
                self.timers.remove(set, number);
            }
            self.timers.set(tick, number);
        }
    }

    fn close(&mut self, number: u64) {
        if let Some(mut watched) = self.conns.remove(&number) {
            watched.unwatch(&self.inbox.epoll);
            if let Some(tick) = watched.tick {
                self.timers.remove(tick, number);
            }
            let mut turn =
                Turn { pool: &mut self.pool, rests: &mut self.rests, registry: self.registry, now: self.now };
            self.inbox.note_end();
            (self.report)(watched.conn.close(&mut turn));
        }
    }

    fn look_at_timers(&mut self) {
        while let Some(number) = self.timers.take_due(self.now) {
            if let Some(watched) = self.conns.get_mut(&number) {
                watched.tick = None;
                self.update(number, |conn, turn| conn.look(turn));
            }
        }
    }
}
