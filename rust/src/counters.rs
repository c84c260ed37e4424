//! Counters of the threads' work, which others may read meanwhile.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use crate::job::Progress;

/// The traffic of a running connection.
#[derive(Default)]
pub struct Traffic {
    from_client: AtomicU64,
    to_client: AtomicU64,
    told_from_client: AtomicU64,
    told_to_client: AtomicU64,
    upstream_ended: AtomicBool,
    told_upstream_ended: AtomicBool,
}

impl Traffic {
    /// Counts bytes written upstream.
    pub fn add_from_client(&self, count: usize) {
        self.from_client.fetch_add(count as u64, Relaxed);
    }

    /// Counts bytes read from upstream.
    pub fn add_to_client(&self, count: usize) {
        self.to_client.fetch_add(count as u64, Relaxed);
    }

    /// Returns all bytes: from client, to client.
    pub fn totals(&self) -> (u64, u64) {
        (self.from_client.load(Relaxed), self.to_client.load(Relaxed))
    }

    /// Notes that nothing more will come from upstream.
    pub fn end_upstream(&self) {
        self.upstream_ended.store(true, Relaxed);
    }

    /// Whether nothing more will come from upstream.
    pub fn upstream_ended(&self) -> bool {
        self.upstream_ended.load(Relaxed)
    }

    /// The progress since the last call, if there is any.
    fn news(&self, number: u64) -> Option<Progress> {
        let ((from_client, to_client), upstream_ended) = (self.totals(), self.upstream_ended());
        let from_client_bytes = from_client - self.told_from_client.swap(from_client, Relaxed);
        let to_client_bytes = to_client - self.told_to_client.swap(to_client, Relaxed);
        let ended_since = upstream_ended && !self.told_upstream_ended.swap(true, Relaxed);
        let is_news = from_client_bytes > 0 || to_client_bytes > 0 || ended_since;
        is_news.then_some(Progress { number, from_client_bytes, to_client_bytes, upstream_ended })
    }
}

/// Bytes that were read and that the other side's kernel hasn't taken yet.
#[derive(Default)]
pub struct Held {
    now: AtomicU64,
    peak_of_a_direction: AtomicU64,
}

impl Held {
    /// Notes that a direction holds more bytes.
    pub fn add(&self, count: usize) {
        self.now.fetch_add(count as u64, Relaxed);
        self.peak_of_a_direction.fetch_max(count as u64, Relaxed);
    }

    /// Notes that a direction holds fewer.
    pub fn remove(&self, count: usize) {
        self.now.fetch_sub(count as u64, Relaxed);
    }

    /// Returns bytes held now, and the most that one direction ever held.
    pub fn totals(&self) -> (u64, u64) {
        (self.now.load(Relaxed), self.peak_of_a_direction.load(Relaxed))
    }
}

/// The counters of all running connections.
#[derive(Default)]
pub struct Registry {
    running: Mutex<HashMap<u64, Arc<Traffic>>>,
    /// Undelivered bytes, over all connections.
    pub held: Held,
    /// How often a thread has woken up: a busy loop would show here.
    pub turns: AtomicU64,
}

impl Registry {
    /// Adds a connection.
    pub fn begin(&self, number: u64) -> Arc<Traffic> {
        let traffic = Arc::new(Traffic::default());
        self.lock().insert(number, Arc::clone(&traffic));
        traffic
    }

    /// Removes one.
    pub fn end(&self, number: u64) {
        self.lock().remove(&number);
    }

    /// Counts them.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Lists those with progress since the last call.
    pub fn progress(&self) -> Vec<Progress> {
        self.lock().iter().filter_map(|(number, traffic)| traffic.news(*number)).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Traffic>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
