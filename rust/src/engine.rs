//! The engine: its threads, and the way to and from them.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::event::{eventfd, EventfdFlags};
use rustix::io::{read, write};

use crate::buffer::Pool;
use crate::conn::Conn;
use crate::counters::Registry;
use crate::inbox::Inbox;
use crate::job::{Finished, Job, Progress};
use crate::pacing::Rests;
use crate::sys;
use crate::turn::Turn;
use crate::worker::Worker;

/// What threads and their owner share.
struct Shared {
    registry: Registry,
    finished: Mutex<Vec<Finished>>,
    completion: OwnedFd,
    completion_is_set: AtomicBool,
}

impl Shared {
    fn report(&self, finished: Finished) {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).push(finished);
        if !self.completion_is_set.swap(true, Ordering::AcqRel) {
            // The only failure is a counter that is full, and then the descriptor is readable.
            let _ = write(&self.completion, &1u64.to_ne_bytes());
        }
    }
}

/// Threads that relay.
pub struct Engine {
    shared: Arc<Shared>,
    inboxes: Vec<Arc<Inbox>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    next_number: AtomicU64,
    pool: Mutex<Pool>,
    process: u32,
}

impl Engine {
    /// Starts `threads` threads; they sleep until there is a job.
    ///
    /// # Errors
    /// The system has no threads or descriptors left.
    pub fn new(threads: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            registry: Registry::default(),
            finished: Mutex::default(),
            completion: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            completion_is_set: AtomicBool::new(false),
        });
        let engine = Self {
            shared: Arc::clone(&shared),
            inboxes: (0..threads.max(1)).map(|_| Inbox::new().map(Arc::new)).collect::<Result<_, _>>()?,
            threads: Mutex::default(),
            next_number: AtomicU64::new(0),
            pool: Mutex::new(Pool::new()),
            process: std::process::id(),
        };
        for (inbox, index) in engine.inboxes.iter().zip(0..) {
            let thread = sys::with_signals_blocked(|| spawn(index, Arc::clone(inbox), Arc::clone(&shared)))??;
            engine.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(engine)
    }

    /// Takes up a job; returns its number.
    pub fn submit(&self, job: Job) -> u64 {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rests = Rests::default(); // nothing is read here yet
        let mut turn =
            Turn { pool: &mut pool, rests: &mut rests, registry: &self.shared.registry, now: Instant::now() };
        let conn = Conn::start(number, job, &mut turn);
        self.inbox_with_least().give(conn);
        number
    }

    /// Has a job end soon.
    pub fn abort(&self, number: u64) {
        // Which thread has it isn't worth remembering: aborts are rare.
        for inbox in &self.inboxes {
            inbox.abort(number);
        }
    }

    /// A descriptor that is readable while there is something to be had from `completed`.
    #[must_use]
    pub fn completion_fd(&self) -> BorrowedFd<'_> {
        self.shared.completion.as_fd()
    }

    /// Takes what has ended since the last call.
    #[must_use]
    pub fn completed(&self) -> Vec<Finished> {
        let _ = read(&self.shared.completion, &mut [0u8; 8]);
        self.shared.completion_is_set.store(false, Ordering::Release);
        std::mem::take(&mut *self.shared.finished.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lists the running jobs of which there is news since the last call.
    #[must_use]
    pub fn progress(&self) -> Vec<Progress> {
        self.shared.registry.progress()
    }

    /// Bytes that are read and undelivered now, and the most that one direction ever had.
    #[must_use]
    pub fn held_bytes(&self) -> (u64, u64) {
        self.shared.registry.held.totals()
    }

    /// How often threads have woken up so far.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.shared.registry.turns.load(Ordering::Relaxed)
    }

    /// How many jobs are running.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.registry.len()
    }

    /// Ends all jobs and threads, and waits for them.
    pub fn close(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        if self.process != std::process::id() {
            // After a fork there are no threads in here to be waited for.
            std::mem::forget(threads);
            return;
        }
        for inbox in &self.inboxes {
            inbox.stop();
        }
        for thread in threads {
            // A thread that panicked has nothing more to end.
            let _ = thread.join();
        }
    }

    fn inbox_with_least(&self) -> &Inbox {
        self.inboxes.iter().min_by_key(|inbox| inbox.connections()).expect("there is a thread")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(index: usize, inbox: Arc<Inbox>, shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(format!("mtg-relay-{index}")).spawn(move || {
        let report = |finished| shared.report(finished);
        Worker::new(&inbox, &shared.registry, &report).run();
    })
}
