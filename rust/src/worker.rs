//! One thread of the engine: an epoll loop over its connections.
//!
//! Level-triggered, and a socket is watched only for what its connection can use: one whose direction is blocked isn't
//! watched at all, so nothing can spin. New connections come through an inbox; their sockets are already in the
//! epoll set by then, so that taking one up costs this thread nothing until the first byte comes.

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{epoll, eventfd, EventfdFlags, Timespec};
use rustix::io::{read, write, Errno};
use rustix::time::{timerfd_create, timerfd_settime, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags};

use crate::buffer::Pool;
use crate::conn::{Conn, Finished, Interest, Reason, Side, Turn};
use crate::counters::Registry;
use crate::rest::Rests;
use crate::timer::Sweep;

const EVENTS: usize = 256;
const ACKNOWLEDGEMENT_POLL: Duration = Duration::from_millis(10);
const WAKE: u64 = u64::MAX;
const ALARM: u64 = u64::MAX - 1;

/// What a thread is told.
enum Command {
    Take(Box<Conn>),
    Abort(u64),
    Stop,
}

/// The way to a thread.
pub struct Inbox {
    commands: Mutex<Vec<Command>>,
    has_commands: AtomicBool,
    /// When the thread will look at deadlines, in ms since `base`; u64::MAX without one.
    sleeps_until_ms: AtomicU64,
    base: Instant,
    connections: AtomicUsize,
    epoll: OwnedFd,
    wake: OwnedFd,
    alarm: OwnedFd,
}

impl Inbox {
    /// Makes one, with the thread's epoll set.
    pub fn new() -> rustix::io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        epoll::add(&epoll, &wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        let alarm = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // Edge-triggered, so that it needn't be read.
        let edge = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&epoll, &alarm, epoll::EventData::new_u64(ALARM), edge)?;
        Ok(Self {
            commands: Mutex::default(),
            has_commands: AtomicBool::new(false),
            sleeps_until_ms: AtomicU64::new(u64::MAX),
            base: Instant::now(),
            connections: AtomicUsize::new(0),
            epoll,
            wake,
            alarm,
        })
    }

    /// How many connections the thread has.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Gives the thread a connection that was started.
    ///
    /// The lock is held over both: the thread may get an event before it has the connection, and then waits here.
    pub fn take(&self, mut conn: Conn) {
        let mut commands = self.lock();
        let mut must_wake = conn.is_over() || conn.awaits_acknowledgement();
        for side in [Side::Client, Side::Upstream] {
            let wanted = conn.interest(side);
            if wanted != Interest::default()
                && epoll::add(&self.epoll, conn.fd(side), token(conn.number, side), flags(wanted)).is_err()
            {
                conn.abort(Reason::Shutdown);
                must_wake = true;
            }
        }
        let deadline_ms = self.ms(conn.deadline());
        self.connections.fetch_add(1, Ordering::Relaxed);
        commands.push(Command::Take(Box::new(conn)));
        self.has_commands.store(true, Ordering::SeqCst);
        drop(commands);
        must_wake |= deadline_ms < self.sleeps_until_ms.load(Ordering::SeqCst);
        if must_wake {
            self.wake();
        }
    }

    /// Has a connection ended, if the thread still has it.
    pub fn abort(&self, number: u64) {
        self.command(Command::Abort(number));
    }

    /// Has the thread end all its connections and itself.
    pub fn stop(&self) {
        self.command(Command::Stop);
    }

    fn command(&self, command: Command) {
        self.lock().push(command);
        self.has_commands.store(true, Ordering::SeqCst);
        self.wake();
    }

    fn ms(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.base).as_millis()).unwrap_or(u64::MAX)
    }

    fn wake(&self) {
        // The only failure is a counter that is full, and then the thread is awake.
        let _ = write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Rings after a time for which epoll's milliseconds are too coarse.
    fn ring_after(&self, time: Duration) {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let it_value = Timespec::try_from(time.max(Duration::from_nanos(1))).unwrap_or(zero);
        // The descriptor is a timer and the time a valid one: there is no failure.
        let _ = timerfd_settime(&self.alarm, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: zero, it_value });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Command>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection and what its sockets are in the epoll set for.
struct Watched {
    conn: Box<Conn>,
    client: Interest,
    upstream: Interest,
}

/// The thread.
pub struct Worker<'a> {
    inbox: &'a Inbox,
    registry: &'a Registry,
    report: &'a dyn Fn(Finished),
    conns: HashMap<u64, Watched>,
    awaiting_acknowledgement: HashSet<u64>,
    pool: Pool,
    rests: Rests,
    sweep: Sweep,
    now: Instant,
    alarm_at: Option<Instant>,
    stopping: bool,
}

impl<'a> Worker<'a> {
    /// Makes a thread's state; `report` gets what has ended.
    pub fn new(inbox: &'a Inbox, registry: &'a Registry, report: &'a dyn Fn(Finished)) -> Self {
        Self {
            inbox,
            registry,
            report,
            conns: HashMap::new(),
            awaiting_acknowledgement: HashSet::new(),
            pool: Pool::new(),
            rests: Rests::default(),
            sweep: Sweep::default(),
            now: Instant::now(),
            alarm_at: None,
            stopping: false,
        }
    }

    /// Works until it is told to stop.
    pub fn run(mut self) {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            if self.inbox.has_commands.swap(false, Ordering::SeqCst) {
                self.read_inbox();
            }
            if self.stopping {
                return;
            }
            self.set_the_alarm();
            let timeout = self.timeout();
            events.clear();
            let outcome = epoll::wait(&self.inbox.epoll, rustix::buffer::spare_capacity(&mut events), timeout.as_ref());
            if outcome.is_err_and(|error| error != Errno::INTR) {
                // The kernel is out of memory, say: try again, but don't spin.
                std::thread::sleep(ACKNOWLEDGEMENT_POLL);
            }
            self.now = Instant::now();
            for event in &events {
                self.handle(event.data.u64(), event.flags);
            }
            self.wake_the_rested();
            self.look_at_acknowledgements();
            self.look_at_deadlines();
        }
    }

    /// How long to wait for events; whoever adds a connection wakes the thread if that is too long for it.
    fn timeout(&self) -> Option<Timespec> {
        let next = self.sweep.next();
        self.inbox.sleeps_until_ms.store(next.map_or(u64::MAX, |next| self.inbox.ms(next)), Ordering::SeqCst);
        if self.inbox.has_commands.load(Ordering::SeqCst) {
            return Some(Timespec::default());
        }
        let deadline = next.map(|next| next.saturating_duration_since(Instant::now()));
        let poll = (!self.awaiting_acknowledgement.is_empty()).then_some(ACKNOWLEDGEMENT_POLL);
        let soonest = deadline.into_iter().chain(poll).min()?;
        Timespec::try_from(soonest).ok()
    }

    fn set_the_alarm(&mut self) {
        let next = self.rests.next();
        if next != self.alarm_at {
            self.alarm_at = next;
            if let Some(next) = next {
                self.inbox.ring_after(next.saturating_duration_since(Instant::now()));
            }
        }
    }

    fn wake_the_rested(&mut self) {
        while let Some((number, source)) = self.rests.take_rested(self.now) {
            self.update(number, |conn, turn| conn.go_on(source, turn));
        }
    }

    fn read_inbox(&mut self) {
        let commands = std::mem::take(&mut *self.inbox.lock());
        for command in commands {
            match command {
                Command::Take(conn) => self.take(conn),
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

    fn take(&mut self, conn: Box<Conn>) {
        let (client, upstream) = (conn.interest(Side::Client), conn.interest(Side::Upstream));
        let number = conn.number;
        self.sweep.include(conn.deadline());
        self.conns.insert(number, Watched { conn, client, upstream });
        self.update(number, |_, _| ());
    }

    fn handle(&mut self, data: u64, events: epoll::EventFlags) {
        match data {
            WAKE => {
                let _ = read(&self.inbox.wake, &mut [0u8; 8]);
                return;
            }
            ALARM => return,
            _ => (),
        }
        let number = data >> 1;
        if !self.conns.contains_key(&number) {
            self.read_inbox();
        }
        let side = if data & 1 == 0 { Side::Client } else { Side::Upstream };
        let broken = events.intersects(epoll::EventFlags::ERR | epoll::EventFlags::HUP);
        let may = Interest {
            read: broken || events.contains(epoll::EventFlags::IN),
            write: broken || events.contains(epoll::EventFlags::OUT),
        };
        self.update(number, |conn, turn| conn.step(side, may, turn));
    }

    /// Does something with a connection, and then what follows from it: watch it for other things, or close it.
    fn update(&mut self, number: u64, change: impl FnOnce(&mut Conn, &mut Turn<'_>)) {
        let Some(watched) = self.conns.get_mut(&number) else { return };
        let mut turn = Turn { pool: &mut self.pool, rests: &mut self.rests, registry: self.registry, now: self.now };
        // A bug may cost its connection, never the host's process.
        if catch_unwind(AssertUnwindSafe(|| change(&mut watched.conn, &mut turn))).is_err() {
            watched.conn.abort(Reason::Shutdown);
        }
        if watched.conn.is_over() || !watched.watch(&self.inbox.epoll) {
            self.close(number);
        } else if watched.conn.awaits_acknowledgement() {
            self.awaiting_acknowledgement.insert(number);
        }
    }

    fn close(&mut self, number: u64) {
        if let Some(mut watched) = self.conns.remove(&number) {
            watched.unwatch(&self.inbox.epoll);
            let mut turn =
                Turn { pool: &mut self.pool, rests: &mut self.rests, registry: self.registry, now: self.now };
            self.inbox.connections.fetch_sub(1, Ordering::Relaxed);
            (self.report)(watched.conn.close(&mut turn));
        }
    }

    fn look_at_acknowledgements(&mut self) {
        for number in std::mem::take(&mut self.awaiting_acknowledgement) {
            self.update(number, |conn, turn| conn.look_whether_all_is_delivered(turn));
        }
    }

    fn look_at_deadlines(&mut self) {
        if !self.sweep.is_due(self.now) {
            return;
        }
        let idle = self.conns.iter().filter(|(_, watched)| watched.conn.deadline() <= self.now);
        let idle: Vec<u64> = idle.map(|(number, _)| *number).collect();
        for number in idle {
            self.update(number, |conn, _| conn.abort(Reason::Idle));
        }
        self.sweep.restart(self.now, self.conns.values().map(|watched| watched.conn.deadline()));
    }
}

impl Watched {
    /// Brings the epoll set up to date; false if the kernel refuses.
    fn watch(&mut self, epoll: &OwnedFd) -> bool {
        for side in [Side::Client, Side::Upstream] {
            let wanted = self.conn.interest(side);
            let registered = match side {
                Side::Client => &mut self.client,
                Side::Upstream => &mut self.upstream,
            };
            if *registered == wanted {
                continue;
            }
            let (fd, nothing) = (self.conn.fd(side), Interest::default());
            let outcome = if wanted == nothing {
                epoll::delete(epoll, fd)
            } else if *registered == nothing {
                epoll::add(epoll, fd, token(self.conn.number, side), flags(wanted))
            } else {
                epoll::modify(epoll, fd, token(self.conn.number, side), flags(wanted))
            };
            if outcome.is_err() {
                return false;
            }
            *registered = wanted;
        }
        true
    }

    /// Takes both sockets out of the epoll set; closing does that too, unless a forked process holds copies.
    fn unwatch(&mut self, epoll: &OwnedFd) {
        for (side, registered) in [(Side::Client, self.client), (Side::Upstream, self.upstream)] {
            if registered != Interest::default() {
                let _ = epoll::delete(epoll, self.conn.fd(side).as_fd());
            }
        }
    }
}

fn token(number: u64, side: Side) -> epoll::EventData {
    epoll::EventData::new_u64(number << 1 | u64::from(side == Side::Upstream))
}

fn flags(interest: Interest) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::empty();
    flags.set(epoll::EventFlags::IN, interest.read);
    flags.set(epoll::EventFlags::OUT, interest.write);
    flags
}
