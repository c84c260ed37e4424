//! Buffers that belong to a thread. A connection borrows one while it moves bytes, and keeps it only as long as a slow
//! peer hasn't taken all of them.

use crate::cipher::SLACK_BYTES;
use crate::record::{HEADER_BYTES, MAX_PAYLOAD_BYTES};

/// Records in one buffer: as many as fit into the 256 KiB that a direction may hold. Half as many make uploads cost
/// 18 % more. Twice as many would save wake-ups of both peers, but a slow reader would take twice the memory.
const RECORDS: usize = 15;
/// The most bytes received at once.
pub const READ_BYTES: usize = RECORDS * MAX_PAYLOAD_BYTES;
/// A full record on the wire.
pub const RECORD_BYTES: usize = HEADER_BYTES + MAX_PAYLOAD_BYTES;

const BUFFER_BYTES: usize = RECORDS * RECORD_BYTES + SLACK_BYTES;
/// The most spare buffers that a thread keeps, 4 MiB.
const MAX_SPARE: usize = 16;

/// Room for bytes to be sent: received and already transformed.
pub type Buffer = Box<[u8]>;

/// A thread's buffers.
pub struct Pool {
    /// Where bytes are received that have to be transformed.
    pub received: Box<[u8]>,
    /// Holds bytes between two ciphers.
    pub between: Box<[u8]>,
    spare: Vec<Buffer>,
}

impl Pool {
    /// Makes a pool; its memory isn't touched before it is used.
    pub fn new() -> Self {
        Self {
            received: vec![0; READ_BYTES].into(),
            between: vec![0; MAX_PAYLOAD_BYTES + SLACK_BYTES].into(),
            spare: Vec::new(),
        }
    }

    /// Takes a buffer out.
    pub fn take(&mut self) -> Buffer {
        self.spare.pop().unwrap_or_else(|| vec![0; BUFFER_BYTES].into())
    }

    /// Puts a buffer back; one of another size is freed.
    pub fn give(&mut self, buffer: Buffer) {
        if self.spare.len() < MAX_SPARE && buffer.len() == BUFFER_BYTES {
            self.spare.push(buffer);
        }
    }
}
