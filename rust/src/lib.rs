//! The data plane: owns the two sockets of each proxied connection after its handshake, and moves their bytes on a few
//! threads, without asking Python about any of them.
//!
//! A [`Job`] goes in, a [`Finished`] comes out. Each thread has one epoll set and one set of buffers; connections have
//! none of their own unless a peer reads slowly. Nothing here knows Python but the module `python`, behind a feature.

mod buffer;
mod cipher;
mod codec;
mod conn;
mod counters;
mod engine;
mod flow;
mod prefixes;
#[cfg(feature = "python")]
mod python;
mod record;
mod recrypt;
mod replay;
mod rest;
#[allow(unsafe_code)]
mod sys;
mod timer;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod vaes;
mod worker;

pub use cipher::{crypt, CipherSpec};
pub use conn::{Ciphers, Finished, Job, Reason};
pub use engine::{x25519_public_key, Engine};
pub use prefixes::Prefixes;
pub use record::{Decoder, Status};
pub use replay::{Memory, KEY_BYTES};
