//! Urgent bytes of a visitor or a site: TCP's out-of-band data.
//!
//! A site's kernel takes an urgent byte out of the stream, and a site that closes without having read past its place
//! ends with a RST. So urgent bytes are passed on as such, at their places. Of a client the kernel takes them out here.

use rustix::io::{Errno, Result};

use crate::io::Io;

/// A direction's urgent byte whose place in the stream hasn't come yet.
#[derive(Default)]
pub struct Urgent {
    byte: Option<u8>,
}

impl Urgent {
    /// Receives the byte that has been announced. It may be behind others, and another one may yet replace it.
    pub fn receive(&mut self, source: &impl Io) {
        if let Ok(byte) = source.recv_urgent() {
            self.byte = Some(byte);
        }
    }

    /// Takes the byte if it comes next. Reads end before it, and the next one leaves it out.
    pub fn take_if_next(&mut self, source: &impl Io) -> Option<u8> {
        let is_next = self.byte.is_some() && source.is_at_urgent_byte();
        if is_next {
            self.byte.take()
        } else {
            None
        }
    }
}

/// Sends as much as there is room for; if it `ends_urgent`, the last byte as an urgent one, in the same segment.
///
/// It isn't one call: if the kernel took only a part, the last byte of that would be the urgent one.
pub fn send(sink: &impl Io, bytes: &[u8], ends_urgent: bool) -> Result<usize> {
    let Some((last, before)) = bytes.split_last().filter(|_| ends_urgent) else { return sink.send(bytes) };
    let count = if before.is_empty() { 0 } else { sink.send_before_more(before)? };
    if count < before.len() {
        return Ok(count);
    }
    match sink.send_urgent(*last) {
        Err(Errno::AGAIN | Errno::INTR) if count > 0 => Ok(count),
        // Not every socket knows urgent bytes. The stream doesn't have them.
        Err(Errno::OPNOTSUPP) => Ok(bytes.len()),
        outcome => outcome.map(|sent| count + sent),
    }
}
