//! The way to a thread.

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

/// What epoll gives back for the inbox's own descriptors: no token of a connection.
pub const WAKE: u64 = u64::MAX;
/// Likewise, when a rest is over.
pub const ALARM: u64 = u64::MAX - 1;

/// What a thread is told.
pub enum Command {
    /// Go on with this connection.
    Take(Box<Watched>),
    /// End that one.
    Abort(u64),
    /// End all of them, and yourself.
    Stop,
}

/// The way to a thread.
pub struct Inbox {
    commands: Mutex<Vec<Command>>,
    has_commands: AtomicBool,
    /// When the thread will look at its timers, in ms since `base`; u64::MAX without one.
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

    /// Whether the thread was told anything since the last call.
    pub fn has_commands(&self) -> bool {
        self.has_commands.swap(false, Ordering::SeqCst)
    }

    /// Takes out what the thread was told; waits for whoever is about to tell it something.
    pub fn take_commands(&self) -> Vec<Command> {
        std::mem::take(&mut *self.lock())
    }

    /// Waits for events until a moment; whoever adds a connection wakes the thread if that is too late for it.
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
    pub fn ring_after(&self, time: Duration) {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let it_value = Timespec::try_from(time.max(Duration::from_nanos(1))).unwrap_or(zero);
        // The descriptor is a timer and the time a valid one: there is no failure.
        let _ = timerfd_settime(&self.alarm, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: zero, it_value });
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Command>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
