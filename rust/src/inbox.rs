//! How a thread gets connections and commands.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{epoll, eventfd, EventfdFlags, Timespec};
use rustix::io::{read, write, Errno};

use crate::conn::Conn;
use crate::job::Reason;
use crate::sys::epoll_pwait2;
use crate::timer::GRID_MS;
use crate::watch::Watched;

/// The epoll token of the inbox's wake-up descriptor; connections have other tokens.
pub const WAKE: u64 = u64::MAX;

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
    /// Whether waits are exact; they aren't any more once the kernel has refused `epoll_pwait2`.
    waits_exactly: AtomicBool,
}

impl Inbox {
    /// Makes one, with the thread's epoll set.
    pub fn new() -> rustix::io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        epoll::add(&epoll, &wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        Ok(Self {
            commands: Mutex::default(),
            has_commands: AtomicBool::new(false),
            sleeps_until_ms: AtomicU64::new(u64::MAX),
            base: Instant::now(),
            connections: AtomicUsize::new(0),
            epoll,
            wake,
            waits_exactly: AtomicBool::new(true),
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
    pub fn give(&self, conn: Conn) {
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

    /// Notes that commands have come; returns whether any have since the last call.
    pub fn note_commands(&self) -> bool {
        self.has_commands.swap(false, Ordering::SeqCst)
    }

    /// Takes out all commands; waits for a caller that is just adding one.
    pub fn take_commands(&self) -> Vec<Command> {
        std::mem::take(&mut *self.lock())
    }

    /// Waits for events until one of two moments; if `look` is too late for a new connection, `give` wakes the thread.
    ///
    /// `rest` is exact. Before Linux 5.11, which can't wait for less than a millisecond, it may be that much later.
    pub fn wait(
        &self,
        events: &mut Vec<epoll::Event>,
        look: Option<Instant>,
        rest: Option<Instant>,
    ) -> rustix::io::Result<()> {
        self.sleeps_until_ms.store(look.map_or(u64::MAX, |look| self.ms(look)), Ordering::SeqCst);
        let until = look.into_iter().chain(rest).min();
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = if self.has_commands.load(Ordering::SeqCst) { Some(Duration::ZERO) } else { left };
        if self.waits_exactly.load(Ordering::Relaxed) {
            match epoll_pwait2(self.epoll.as_fd(), events, left) {
                // PERM: a container's filter that doesn't know the call.
                Err(Errno::NOSYS | Errno::PERM) => self.waits_exactly.store(false, Ordering::Relaxed),
                outcome => return outcome,
            }
        }
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        events.clear();
        epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), timeout.as_ref()).map(drop)
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

    fn lock(&self) -> MutexGuard<'_, Vec<Command>> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_until_the_earlier_moment_or_until_it_is_woken_whatever_the_kernel_has() {
        for waits_exactly in [true, false] {
            let inbox = Inbox::new().expect("there are descriptors");
            inbox.waits_exactly.store(waits_exactly, Ordering::Relaxed);
            let mut events = Vec::with_capacity(8);
            let (soon, later) = (Instant::now() + Duration::from_millis(2), Instant::now() + Duration::from_secs(3600));
            for (look, rest) in [(Some(soon), Some(later)), (Some(later), Some(soon)), (None, Some(soon))] {
                inbox.wait(&mut events, look, rest).expect("it waits");
                assert!(events.is_empty());
                assert!(Instant::now() >= soon);
            }

            inbox.abort(7);
            inbox.wait(&mut events, Some(later), None).expect("it waits");
            assert!(inbox.note_commands());
            inbox.wait(&mut events, Some(later), None).expect("it waits");
            assert_eq!(events.iter().map(|event| event.data.u64()).collect::<Vec<_>>(), [WAKE]);
        }
    }
}
