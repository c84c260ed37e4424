//! The data plane: owns the two sockets of each proxied connection after its handshake, and moves their bytes on a few
//! threads, without asking Python about any of them.
//!
//! A [`Job`] goes in, a [`Finished`] comes out. Each thread has one epoll set and one set of buffers; connections have
//! none of their own unless a peer reads slowly. Nothing here knows Python but the module `python`, behind a feature.

mod alarm;
mod backlog;
mod buffer;
mod chance;
mod cipher;
mod codec;
mod conn;
mod counters;
#[cfg(test)]
mod ending_tests;
mod engine;
mod flow;
mod hash;
mod hello;
mod hello_key;
mod inbox;
mod io;
mod job;
mod keyshare;
mod learnt;
mod pacing;
mod prefixes;
#[cfg(feature = "python")]
mod python;
#[cfg(test)]
mod random_tests;
mod record;
mod recrypt;
mod replay;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod shape_tests;
mod shaper;
mod side;
#[allow(unsafe_code)]
mod sys;
mod timer;
mod turn;
mod urgent;
#[cfg(test)]
mod urgent_tests;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod vaes;
mod watch;
mod worker;

pub use alarm::Alarm;
pub use cipher::{crypt, CipherSpec};

pub use engine::Engine;
pub use hash::{hmac_sha256, sha256};
pub use hello::{find_key, read_hello, Answer, Hello};
pub use hello_key::hello_key;
pub use job::{Ciphers, Finished, Job, Progress, Reason, Timeouts};
pub use keyshare::{ml_kem_768_ciphertext, ml_kem_768_encapsulation_key, nist_public_key, x25519_public_key};
pub use learnt::{Page, TimedRecord};
pub use prefixes::Prefixes;
pub use record::{BadRecord, Decoder};
pub use replay::{Memory, KEY_BYTES};
pub use shaper::Shape;
