//! A client's ClientHello and our answer to it.
//!
//! It is what `mtglib.wire.pure_hello` does, where the formats are explained, at a fifth of the time.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

pub(crate) const RANDOM: std::ops::Range<usize> = 11..43;
const RANDOM_BYTES: usize = 32;
const DIGEST_BYTES: usize = 28;
const MAX_SESSION_ID_BYTES: usize = 32;

const SERVER_NAME: u16 = 0x0000;
pub(crate) const SUPPORTED_VERSIONS: u16 = 0x002b;
pub(crate) const KEY_SHARE: u16 = 0x0033;

const CHANGE_CIPHER_SPEC: [u8; 6] = [0x14, 3, 3, 0, 1, 1];

/// Finds the key that a hello was made with; returns its index and the client's clock, Unix seconds.
#[must_use]
pub fn find_key(record: &[u8], keys: &[&[u8]]) -> Option<(usize, u32)> {
    let random = record.get(RANDOM)?;
    keys.iter().enumerate().find_map(|(index, key)| {
        let digest = digest(key, &[&record[..RANDOM.start], &[0; RANDOM_BYTES], &record[RANDOM.end..]]);
        verify_slices_are_equal(&digest[..DIGEST_BYTES], &random[..DIGEST_BYTES]).ok()?;
        let last = |bytes: &[u8]| u32::from_le_bytes(bytes[DIGEST_BYTES..].try_into().expect("these are four bytes"));
        Some((index, last(random) ^ last(&digest)))
    })
}

/// A parsed ClientHello.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Hello<'a> {
    /// 0 to 32 bytes that the answer echoes.
    pub session_id: &'a [u8],
    /// Two bytes each.
    pub cipher_suites: &'a [u8],
    /// The host name; empty if there is none.
    pub server_name: &'a [u8],
    /// Groups and the client's shares of them; none if the extension is malformed.
    pub key_shares: Vec<(u16, &'a [u8])>,
}

/// Takes a whole hello apart; None if it is malformed.
#[must_use]
pub fn read_hello(record: &[u8]) -> Option<Hello<'_>> {
    let mut rest = record.get(RANDOM.end..)?;
    let session_id = take_vector(&mut rest, 1)?;
    let cipher_suites = take_vector(&mut rest, 2)?;
    take_vector(&mut rest, 1)?; // the compression methods
    let extensions = if rest.is_empty() { rest } else { take_vector(&mut rest, 2)? };
    if session_id.len() > MAX_SESSION_ID_BYTES || cipher_suites.len() % 2 == 1 {
        return None;
    }
    let mut hello = Hello { session_id, cipher_suites, ..Hello::default() };
    for (kind, mut body) in entries(extensions)? {
        if kind == SERVER_NAME && hello.server_name.is_empty() {
            hello.server_name = host_name(take_vector(&mut body, 2)?)?;
        } else if kind == KEY_SHARE {
            hello.key_shares = take_vector(&mut body, 2).and_then(entries).unwrap_or_default();
        }
    }
    Some(hello)
}

/// Our answer, but for its random.
pub struct Answer<'a> {
    /// The client's.
    pub session_id: &'a [u8],
    /// The cipher suite.
    pub suite: u16,
    /// The ServerHello's extensions, in their order.
    pub extensions: &'a [u16],
    /// The group of the share.
    pub group: u16,
    /// Our key share.
    pub share: &'a [u8],
    /// What stands for the encrypted flight.
    pub noise: &'a [u8],
}

impl Answer<'_> {
    /// Writes it and signs it with the secret's key; None for an extension that we never send.
    #[must_use]
    pub fn signed(&self, key: &[u8], client_random: &[u8]) -> Option<Vec<u8>> {
        let mut answer = Vec::with_capacity(256 + self.share.len() + self.noise.len());
        answer.extend([0x16, 3, 3]);
        nested(&mut answer, 2, |record| {
            record.push(2); // a ServerHello
            nested(record, 3, |message| {
                message.extend([3, 3]);
                message.extend([0; RANDOM_BYTES]);
                nested(message, 1, |field| field.extend(self.session_id));
                message.extend(self.suite.to_be_bytes());
                message.push(0); // no compression
                nested(message, 2, |extensions| self.extensions.iter().for_each(|kind| self.write(*kind, extensions)));
            });
        });
        answer.extend(CHANGE_CIPHER_SPEC);
        answer.extend([0x17, 3, 3]);
        nested(&mut answer, 2, |record| record.extend(self.noise));
        let random = digest(key, &[client_random, &answer]);
        answer[RANDOM].copy_from_slice(&random);
        self.extensions.iter().all(|kind| matches!(*kind, SUPPORTED_VERSIONS | KEY_SHARE)).then_some(answer)
    }

    fn write(&self, kind: u16, extensions: &mut Vec<u8>) {
        extensions.extend(kind.to_be_bytes());
        nested(extensions, 2, |body| match kind {
            SUPPORTED_VERSIONS => body.extend([3, 4]),
            _ => {
                body.extend(self.group.to_be_bytes());
                nested(body, 2, |share| share.extend(self.share));
            }
        });
    }
}

fn digest(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    parts.iter().for_each(|part| context.update(part));
    context.sign().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Writes a vector: what `write` adds, with its length in front.
fn nested(data: &mut Vec<u8>, length_bytes: usize, write: impl FnOnce(&mut Vec<u8>)) {
    let start = data.len() + length_bytes;
    data.resize(start, 0);
    write(data);
    let length = (data.len() - start).to_be_bytes();
    data[start - length_bytes..start].copy_from_slice(&length[length.len() - length_bytes..]);
}

pub(crate) fn take_vector<'a>(data: &mut &'a [u8], length_bytes: usize) -> Option<&'a [u8]> {
    let (length, rest) = data.split_at_checked(length_bytes)?;
    let length = length.iter().fold(0, |value, byte| value << 8 | usize::from(*byte));
    let (vector, rest) = rest.split_at_checked(length)?;
    *data = rest;
    Some(vector)
}

/// Reads a list of extensions or key shares: a number and a vector each.
pub(crate) fn entries(mut data: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let mut found = Vec::with_capacity(20);
    while !data.is_empty() {
        let (number, rest) = data.split_first_chunk()?;
        data = rest;
        found.push((u16::from_be_bytes(*number), take_vector(&mut data, 2)?));
    }
    Some(found)
}

/// Finds the host name of the server_name extension; empty if there is none.
fn host_name(mut names: &[u8]) -> Option<&[u8]> {
    while let Some((name_type, rest)) = names.split_first() {
        names = rest;
        let name = take_vector(&mut names, 2)?;
        if *name_type == 0 {
            return Some(name);
        }
    }
    Some(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hello with one suite and these extensions.
    fn hello(extensions: &[u8]) -> Vec<u8> {
        let mut record = vec![7; RANDOM.end];
        record.extend([1, 9, 0, 2, 0x13, 1, 1, 0]);
        nested(&mut record, 2, |data| data.extend(extensions));
        record
    }

    #[test]
    fn a_hello_is_found_to_be_made_with_the_key_that_made_it() {
        let (key, other) = ([1; 16], [2; 16]);
        let mut record = hello(&[]);
        record[RANDOM].fill(0);
        let mut random = digest(&key, &[&record]);
        random[28] ^= 5;
        record[RANDOM].copy_from_slice(&random);

        assert_eq!(find_key(&record, &[&other, &key]), Some((1, 5)));
        assert_eq!(find_key(&record, &[&other]), None);
        assert_eq!(find_key(&record[..40], &[&key]), None);
        record[38] ^= 1;
        assert_eq!(find_key(&record, &[&key]), None);
    }

    #[test]
    fn a_hello_is_taken_apart_and_each_shorter_one_is_malformed() {
        let record = hello(&[0, 0, 0, 6, 0, 4, 0, 0, 1, b'a', 0, 0x33, 0, 7, 0, 5, 0, 0x1d, 0, 1, 8]);

        let read = read_hello(&record).expect("it is well-formed");

        assert_eq!((read.session_id, read.cipher_suites, read.server_name), (&[9][..], &[0x13, 1][..], &b"a"[..]));
        assert_eq!(read.key_shares, [(0x1d, &[8][..])]);
        let without_extensions = record.len() - 23;
        assert!((0..record.len()).all(|end| read_hello(&record[..end]).is_none() || end == without_extensions));
    }

    #[test]
    fn an_answer_is_signed_and_has_our_extensions_only() {
        let answer =
            |extensions| Answer { session_id: &[9], suite: 0x1301, extensions, group: 0x1d, share: &[8], noise: &[6] };

        let signed = answer(&[KEY_SHARE]).signed(&[1], &[2]).expect("it is ours");

        let mut unsigned = signed.clone();
        unsigned[RANDOM].fill(0);
        assert_eq!(signed[RANDOM], digest(&[1], &[&[2], &unsigned]));
        assert_eq!(signed[RANDOM.end..].len(), 2 + 3 + 2 + 9 + 6 + 5 + 1);
        assert!(answer(&[0]).signed(&[1], &[2]).is_none());
    }
}
