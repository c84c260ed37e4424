//! How bytes are transformed on their way through one direction of a connection.

use std::io::IoSliceMut;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Result;

use crate::buffer::{Pool, READ_BYTES, RECORDS, RECORD_BYTES};
use crate::chance::Chance;
use crate::io::Io;
use crate::job::Ciphers;
use crate::record::{write_header, BadRecord, Decoder, HEADER_BYTES, MAX_PAYLOAD_BYTES};
use crate::recrypt::Recrypt;
use crate::shaper::{Shape, Shaper, MAX_RECORDS};

/// A direction's transformation.
pub enum Codec {
    /// The bytes unchanged: fronting.
    Raw,
    /// Client to DC: out of records, from the client's cipher to the DC's.
    Unwrap(Decoder, Recrypt),
    /// DC to client in fast mode: into records, already encrypted for the client. Has whether a lot came last time.
    Wrap { bulk: bool, shaper: Option<Box<Shaper>> },
    /// DC to client: from the DC's cipher to the client's, into records.
    WrapRecrypted(Recrypt, Option<Box<Shaper>>),
}

/// Returns those from the client and to it. Without ciphers the bytes are a visitor's.
pub fn codecs(ciphers: Option<&Ciphers>, shape: Option<Arc<Shape>>, now: Instant) -> (Codec, Codec) {
    let Some(ciphers) = ciphers else { return (Codec::Raw, Codec::Raw) };
    let shaper = shape.map(|shape| Box::new(Shaper::new(shape, Chance::unseeded(), now)));
    let from_client = Recrypt::new(&ciphers.from_client.0, &ciphers.from_client.1);
    let to_client = match &ciphers.to_client {
        None => Codec::Wrap { bulk: false, shaper },
        Some((decrypt, encrypt)) => Codec::WrapRecrypted(Recrypt::new(decrypt, encrypt), shaper),
    };
    (Codec::Unwrap(Decoder::default(), from_client), to_client)
}

/// The result of a read.
#[derive(Debug)]
pub struct Filled {
    /// Bytes read; 0 is the peer's end of file.
    pub received_bytes: usize,
    /// Bytes to be sent, from the start of the output.
    pub output_bytes: usize,
    /// What the client's record stream broke with.
    pub bad_record: Option<BadRecord>,
    /// How long to wait before the next read.
    pub pause: Option<Duration>,
}

/// The sizes of records without a shape.
const FULL: [usize; RECORDS] = [MAX_PAYLOAD_BYTES; RECORDS];

impl Codec {
    /// Plans what the next read is for; returns how long to wait before it, if it is better to.
    pub fn plan(&mut self, source: &impl Io, pool: &mut Pool, now: Instant) -> Option<Duration> {
        let full_records = match self {
            Self::Wrap { bulk, .. } => most_records(*bulk),
            _ => RECORDS,
        };
        let shaper = self.shaper()?;
        shaper.plan(full_records * RECORD_BYTES, source.unread_bytes(), now, &mut pool.sizes)
    }

    /// Reads once from `source`, as was planned, and puts what is to be sent into `output`.
    pub fn fill(&mut self, source: &impl Io, pool: &mut Pool, output: &mut [u8], now: Instant) -> Result<Filled> {
        match self {
            Self::Raw => {
                let count = source.recv(&mut output[..READ_BYTES])?;
                Ok(open(count, count))
            }
            Self::Wrap { bulk, shaper } => {
                let sizes = if shaper.is_some() { &pool.sizes } else { &FULL[..most_records(*bulk)] };
                let count = receive_between_headers(source, output, sizes)?;
                *bulk = count >= MAX_PAYLOAD_BYTES.min(sizes.iter().sum());
                Ok(finish(output, count, sizes, shaper, now))
            }
            Self::WrapRecrypted(recrypt, shaper) => {
                let sizes = if shaper.is_some() { &pool.sizes } else { &FULL[..] };
                let count = source.recv(&mut pool.received[..sizes.iter().sum()])?;
                let (mut received, mut position) = (&pool.received[..count], HEADER_BYTES);
                for size in sizes {
                    let (piece, behind) = received.split_at(received.len().min(*size));
                    recrypt.apply(piece, &mut pool.between, &mut output[position..]);
                    if behind.is_empty() {
                        break;
                    }
                    received = behind;
                    position += size + HEADER_BYTES;
                }
                Ok(finish(output, count, sizes, shaper, now))
            }
            Self::Unwrap(decoder, recrypt) => {
                let count = source.recv(&mut pool.received)?;
                Ok(unwrap(decoder, recrypt, &pool.received[..count], &mut pool.between, output))
            }
        }
    }

    /// Notes that the sink's kernel took some bytes.
    pub fn note_sent(&mut self, now: Instant) {
        if let Some(shaper) = self.shaper() {
            shaper.note_sent(now);
        }
    }

    fn shaper(&mut self) -> Option<&mut Shaper> {
        match self {
            Self::Wrap { shaper, .. } | Self::WrapRecrypted(_, shaper) => shaper.as_deref_mut(),
            Self::Raw | Self::Unwrap(..) => None,
        }
    }

    /// Transforms bytes that were read before the engine got the connection.
    pub fn transform_unread(&mut self, unread: &[u8], pool: &mut Pool, output: &mut [u8]) -> Filled {
        match self {
            Self::Unwrap(decoder, recrypt) => unwrap(decoder, recrypt, unread, &mut pool.between, output),
            _ => {
                output[..unread.len()].copy_from_slice(unread);
                open(unread.len(), unread.len())
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
    let outcome = decoder.feed(received, |payload| {
        recrypt.apply(payload, between, &mut output[position..]);
        position += payload.len();
    });
    Filled { bad_record: outcome.err(), ..open(received.len(), position) }
}

fn open(received_bytes: usize, output_bytes: usize) -> Filled {
    Filled { received_bytes, output_bytes, bad_record: None, pause: None }
}

/// How many full records there is room for. Small messages fill one at most, and fifteen buffers are a cost of their own
/// to the kernel.
fn most_records(bulk: bool) -> usize {
    if bulk {
        RECORDS
    } else {
        1
    }
}

/// Reads up to the payload of these records, with room for a header in front of each.
fn receive_between_headers(source: &impl Io, mut output: &mut [u8], sizes: &[usize]) -> Result<usize> {
    if let [size] = sizes {
        return source.recv(&mut output[HEADER_BYTES..HEADER_BYTES + size]);
    }
    let mut payloads: [IoSliceMut<'_>; MAX_RECORDS] = std::array::from_fn(|index| {
        let bytes = sizes.get(index).map_or(0, |size| HEADER_BYTES + size);
        let (record, behind) = std::mem::take(&mut output).split_at_mut(bytes);
        output = behind;
        IoSliceMut::new(record.get_mut(HEADER_BYTES..).unwrap_or_default())
    });
    source.recv_vectored(&mut payloads[..sizes.len()])
}

/// Writes the headers of what was received into records of these sizes.
fn finish(
    output: &mut [u8],
    received_bytes: usize,
    sizes: &[usize],
    shaper: &mut Option<Box<Shaper>>,
    now: Instant,
) -> Filled {
    let (mut left, mut position, mut records) = (received_bytes, 0, 0);
    while left > 0 {
        let length = left.min(sizes[records]);
        write_header(&mut output[position..], length);
        position += HEADER_BYTES + length;
        left -= length;
        records += 1;
    }
    let pause = shaper.as_mut().and_then(|shaper| shaper.note_records(records, received_bytes, now));
    Filled { pause, ..open(received_bytes, position) }
}
