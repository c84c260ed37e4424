//! How bytes are transformed on their way through one direction of a connection.

use std::io::IoSliceMut;

use rustix::io::Result;

use crate::buffer::{Pool, READ_BYTES, RECORD_BYTES};
use crate::io::Io;
use crate::record::{write_header, Decoder, Status, HEADER_BYTES, MAX_PAYLOAD_BYTES};
use crate::recrypt::Recrypt;

/// A direction's transformation.
pub enum Codec {
    /// The bytes unchanged: fronting.
    Raw,
    /// Client to DC: out of records, from the client's cipher to the DC's.
    Unwrap(Decoder, Recrypt),
    /// DC to client in fast mode: into records, already encrypted for the client. `bulk`: the last read was large.
    Wrap { bulk: bool },
    /// DC to client: from the DC's cipher to the client's, into records.
    WrapRecrypted(Recrypt),
}

/// The result of a read.
#[derive(Debug)]
pub struct Filled {
    /// Bytes read; 0 is the peer's end of file.
    pub received_bytes: usize,
    /// Bytes to be sent, from the start of the output.
    pub output_bytes: usize,
    /// The state of the client's record stream.
    pub status: Status,
}

impl Codec {
    /// Reads once from `source`, and puts the bytes to send into `output`.
    pub fn fill(&mut self, source: &impl Io, pool: &mut Pool, output: &mut [u8]) -> Result<Filled> {
        let open = |received_bytes, output_bytes| Filled { received_bytes, output_bytes, status: Status::Open };
        match self {
            Self::Raw => {
                let count = source.recv(&mut output[..READ_BYTES])?;
                Ok(open(count, count))
            }
            Self::Wrap { bulk } => {
                // Small messages fill one record at most, and to the kernel each buffer is a cost.
                let count = if *bulk {
                    receive_between_headers(source, output)?
                } else {
                    source.recv(&mut output[HEADER_BYTES..RECORD_BYTES])?
                };
                *bulk = count >= MAX_PAYLOAD_BYTES;
                Ok(open(count, write_headers(output, count)))
            }
            Self::WrapRecrypted(recrypt) => {
                let count = source.recv(&mut pool.received)?;
                for (piece, record) in pool.received[..count].chunks(MAX_PAYLOAD_BYTES).zip(0..) {
                    recrypt.apply(piece, &mut pool.between, &mut output[record * RECORD_BYTES + HEADER_BYTES..]);
                }
                Ok(open(count, write_headers(output, count)))
            }
            Self::Unwrap(decoder, recrypt) => {
                let count = source.recv(&mut pool.received)?;
                Ok(unwrap(decoder, recrypt, &pool.received[..count], &mut pool.between, output))
            }
        }
    }

    /// Transforms bytes that were read before the engine got the connection.
    pub fn transform_unread(&mut self, unread: &[u8], pool: &mut Pool, output: &mut [u8]) -> Filled {
        match self {
            Self::Unwrap(decoder, recrypt) => unwrap(decoder, recrypt, unread, &mut pool.between, output),
            _ => {
                output[..unread.len()].copy_from_slice(unread);
                Filled { received_bytes: unread.len(), output_bytes: unread.len(), status: Status::Open }
            }
        }
    }
}

fn unwrap(
    decoder: &mut Decoder,
    recrypt: &mut Recrypt,
    received: &[u8],
    between: &mut [u8],
    output: &mut [u8],
) -> Filled {
    let mut position = 0;
    let status = decoder.feed(received, |payload| {
        recrypt.apply(payload, between, &mut output[position..]);
        position += payload.len();
    });
    Filled { received_bytes: received.len(), output_bytes: position, status }
}

/// Reads up to a buffer's payload with room for a header in front of each.
fn receive_between_headers(source: &impl Io, output: &mut [u8]) -> Result<usize> {
    let mut records = output.chunks_exact_mut(RECORD_BYTES);
    let mut payloads: [IoSliceMut<'_>; READ_BYTES / MAX_PAYLOAD_BYTES] = std::array::from_fn(|_| {
        IoSliceMut::new(&mut records.next().expect("a buffer has that many records")[HEADER_BYTES..])
    });
    source.recv_vectored(&mut payloads)
}

/// Writes the headers of `payload_bytes` laid out in records; returns the length including them.
fn write_headers(output: &mut [u8], payload_bytes: usize) -> usize {
    let (mut left, mut position) = (payload_bytes, 0);
    while left > 0 {
        let length = left.min(MAX_PAYLOAD_BYTES);
        write_header(&mut output[position..], length);
        position += HEADER_BYTES + length;
        left -= length;
    }
    position
}
