//! The key of a ClientHello's shape: what it offers, without what differs in each hello of one client build.
//!
//! It is what `mtglib.wire.hello_shape` computes, where the fields are explained, at a tenth of the time.

use crate::hello::{entries, take_vector, KEY_SHARE, RANDOM, SUPPORTED_VERSIONS};
use crate::sha256;

const LEGACY_VERSION: std::ops::Range<usize> = 9..11;
const MAX_RECORD_BYTES: usize = 5 + (1 << 14);

const SUPPORTED_GROUPS: u16 = 0x000a;
const SIGNATURE_ALGORITHMS: u16 = 0x000d;
const ALPN: u16 = 0x0010;
const PADDING: u16 = 0x0015;
const PSK_MODES: u16 = 0x002d;

/// The key of a whole hello in one record; None if it is malformed.
#[must_use]
pub fn hello_key(record: &[u8]) -> Option<[u8; 16]> {
    if record.len() > MAX_RECORD_BYTES {
        return None;
    }
    let mut rest = record.get(RANDOM.end..)?;
    take_vector(&mut rest, 1)?; // the session id
    let suites = take_vector(&mut rest, 2)?;
    take_vector(&mut rest, 1)?; // the compression methods
    let extensions = unique_entries(if rest.is_empty() { rest } else { only_vector(rest, 2)? })?;
    let list = |kind, length_bytes| match extensions.iter().find(|extension| extension.0 == kind) {
        Some(extension) => only_vector(extension.1, length_bytes),
        None => Some(&[][..]),
    };

    let mut hashed = Hashed(Vec::with_capacity(512));
    hashed.list(numbers(&record[LEGACY_VERSION], false)?);
    hashed.list(numbers(list(SUPPORTED_VERSIONS, 1)?, true)?);
    hashed.list(numbers(suites, true)?);
    hashed.list(numbers(list(SUPPORTED_GROUPS, 2)?, true)?);
    hashed.list(unique_entries(list(KEY_SHARE, 2)?)?.into_iter().map(|share| share.0));
    hashed.list(numbers(list(SIGNATURE_ALGORITHMS, 2)?, true)?);
    hashed.list(list(PSK_MODES, 1)?.iter().filter(|mode| !is_grease_psk_mode(**mode)).map(|mode| u16::from(*mode)));
    let mut kinds: Vec<u16> = extensions.iter().map(|extension| extension.0).filter(|kind| *kind != PADDING).collect();
    kinds.sort_unstable();
    hashed.list(kinds.into_iter());
    let mut protocols = list(ALPN, 2)?;
    while !protocols.is_empty() {
        hashed.name(take_vector(&mut protocols, 1)?);
    }
    sha256(&hashed.0)[..16].try_into().ok()
}

/// What is hashed: each list with its length in front, so that no two shapes are the same.
struct Hashed(Vec<u8>);

impl Hashed {
    fn list(&mut self, values: impl Iterator<Item = u16>) {
        let length_at = self.0.len();
        self.0.extend([0, 0]);
        values.for_each(|value| self.0.extend(value.to_be_bytes()));
        let count = u16::try_from((self.0.len() - length_at) / 2 - 1).expect("a hello is shorter");
        self.0[length_at..length_at + 2].copy_from_slice(&count.to_be_bytes());
    }

    /// Adds a protocol's name, unless it is one of GREASE's.
    fn name(&mut self, name: &[u8]) {
        if !matches!(name, [first, second] if is_grease(u16::from_be_bytes([*first, *second]))) {
            self.0.push(u8::try_from(name.len()).expect("its length was a byte"));
            self.0.extend(name);
        }
    }
}

/// Values of GREASE (RFC 8701): 0x0a0a, 0x1a1a, up to 0xfafa.
fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

fn is_grease_psk_mode(mode: u8) -> bool {
    mode % 0x1f == 0x0b
}

/// Reads a vector that nothing follows.
fn only_vector(mut data: &[u8], length_bytes: usize) -> Option<&[u8]> {
    let vector = take_vector(&mut data, length_bytes)?;
    data.is_empty().then_some(vector)
}

/// Reads a list of numbers, two bytes each, without those of GREASE if those are to be left out.
fn numbers(data: &[u8], without_grease: bool) -> Option<impl Iterator<Item = u16> + '_> {
    let pairs = data.chunks_exact(2);
    let is_whole = pairs.remainder().is_empty();
    let values = pairs.map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    is_whole.then(|| values.filter(move |value| !(without_grease && is_grease(*value))))
}

/// Reads a list of extensions or key shares, without those of GREASE; None if a number is there twice.
fn unique_entries(data: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let mut found = entries(data)?;
    found.retain(|entry| !is_grease(entry.0));
    let is_there_before = |index: usize| found[..index].iter().any(|entry| entry.0 == found[index].0);
    (!(0..found.len()).any(is_there_before)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hello without a session id, with one suite and one extension.
    fn hello(suite: [u8; 2], extension: &[u8]) -> Vec<u8> {
        let mut record = vec![0; RANDOM.end];
        record.extend([0, 0, 2, suite[0], suite[1], 1, 0, 0, u8::try_from(extension.len()).unwrap()]);
        record.extend(extension);
        record
    }

    #[test]
    fn what_is_offered_decides_and_grease_does_not() {
        let key = hello_key(&hello([0x13, 1], &[0, 0x17, 0, 0])).expect("it is well-formed");

        assert_ne!(Some(key), hello_key(&hello([0x13, 2], &[0, 0x17, 0, 0])));
        assert_ne!(Some(key), hello_key(&hello([0x13, 1], &[0, 0x18, 0, 0])));
        assert_eq!(Some(key), hello_key(&hello([0x13, 1], &[0, 0x17, 0, 0, 0x1a, 0x1a, 0, 1, 7])));
    }

    #[test]
    fn a_malformed_hello_has_none() {
        let record = hello([0x13, 1], &[0, 0x17, 0, 0]);

        assert!((0..record.len()).all(|end| hello_key(&record[..end]).is_none() || end == record.len() - 6));
        assert!(hello_key(&hello([0x13, 1], &[0, 0x17, 0, 0, 0, 0x17, 0, 0])).is_none(), "twice");
        assert!(hello_key(&hello([0x13, 1], &[0, 0x0a, 0, 3, 0, 1, 5])).is_none(), "half a group");
    }
}
