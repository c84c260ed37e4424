//! How a thread gets connections and commands.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{epoll, eventfd, EventfdFlags, Timespec};
use rustix::io::{read, write};
use rustix::time::{timerfd_create, timerfd_settime, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags};

use crate::conn::Conn;
use crate::job::Reason;
use crate::timer::GRID_MS;
use crate::watch::Watched;

/// The epoll token of the inbox's wake-up descriptor; connections have other tokens.
pub const WAKE: u64 = u64::MAX;
/// The same for the alarm, which rings when a rest is over.
pub const ALARM: u64 = u64::MAX - 1;

/// A command for a thread.
pub enum Command {
    /// Serve this connection.
    Take(Box<Watched>),
    /// End the connection with this number.
    Abort(u64),
    /// End all connections and the thread.
    Stop,
}

/// A thread's inbox.
pub struct Inbox {
    commands: Mutex<Vec<Command>>,
    has_commands: AtomicBool,
    /// When the thread's next timer rings, in ms since `base`; u64::MAX without one.
    sleeps_until_ms: AtomicU64,
    base: Instant,
    connections: AtomicUsize,
    /// The thread's epoll set.
    pub epoll: OwnedFd,
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
        // Edge-triggered, so that nobody has to read it.
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

    /// Gives the thread a started connection.
    ///
    /// The lock is held meanwhile: the thread may get an event before it gets the connection, and then waits for the
    /// lock.
    pub fn take(&self, conn: Conn) {
        let mut commands = self.lock();
        let mut watched = Watched::new(conn);
        if !watched.conn.is_over() && !watched.watch(&self.epoll) {
            watched.conn.abort(Reason::Shutdown);
        }
        let is_over = watched.conn.is_over();
        let next_look_ms = self.ms(watched.conn.next_look());
        self.connections.fetch_add(1, Ordering::Relaxed);
        commands.push(Command::Take(watched));
        self.has_commands.store(true, Ordering::SeqCst);
        drop(commands);
        if is_over || next_look_ms + GRID_MS < self.sleeps_until_ms.load(Ordering::SeqCst) {
            self.wake();
        }
    }

    /// Whether commands have come since the last call.
    pub fn has_commands(&self) -> bool {
        self.has_commands.swap(false, Ordering::SeqCst)
    }

    /// Takes out all commands; waits for a caller that is just adding one.
    pub fn take_commands(&self) -> Vec<Command> {
        std::mem::take(&mut *self.lock())
    }

    /// Waits for events until a moment; if that is too late for a new connection, `take` wakes the thread.
    pub fn wait(&self, events: &mut Vec<epoll::Event>, until: Option<Instant>) -> rustix::io::Result<usize> {
        self.sleeps_until_ms.store(until.map_or(u64::MAX, |until| self.ms(until)), Ordering::SeqCst);
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = if self.has_commands.load(Ordering::SeqCst) { Some(Duration::ZERO) } else { left };
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        events.clear();
        epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), timeout.as_ref())
    }

    /// Notes that the thread has woken up.
    pub fn note_wake(&self) {
        let _ = read(&self.wake, &mut [0u8; 8]);
    }

    /// Notes that a connection is over.
    pub fn note_end(&self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }

    /// Ends a connection, if the thread still has it.
    pub fn abort(&self, number: u64) {
        self.command(Command::Abort(number));
    }

    /// Ends all connections of the thread, and the thread.
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
        // It only fails if the counter is full, and then the thread is awake anyway.
        let _ = write(&self.wake, &1u64.to_ne_bytes());
    }

    /// Rings the alarm after a time for which epoll's milliseconds are too coarse.
    pub fn ring_after(&self, time: Duration) {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let it_value = Timespec::try_from(time.max(Duration::from_nanos(1))).unwrap_or(zero);
        // It can't fail: the descriptor is a timer, and the time is valid.
        let _ = timerfd_settime(&self.alarm, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: zero, it_value });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Command>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
