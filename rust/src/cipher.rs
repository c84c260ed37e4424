//! AES-256-CTR with a 128-bit big-endian counter.
//!
//! From aws-lc: 8 GB/s for 16 KiB and 24 ns for 64 bytes, where the pure-Rust crate does 3 GB/s and 130 ns. Its safe
//! interface doesn't work in place, which suits us: every pass also moves the bytes to their place.

use aws_lc_rs::cipher::{EncryptionContext, StreamingEncryptingKey, UnboundCipherKey, AES_256};
use aws_lc_rs::iv::FixedLength;

/// How many bytes longer than its input an output buffer has to be.
pub const SLACK_BYTES: usize = 16;

/// The size of AES's blocks.
pub const BLOCK_BYTES: usize = 16;

/// A cipher to be started somewhere in its keystream.
#[derive(Clone)]
pub struct CipherSpec {
    /// The AES-256 key.
    pub key: [u8; 32],
    /// The counter of the first block.
    pub iv: [u8; 16],
    /// How much of the keystream has been used.
    pub offset_bytes: u64,
}

/// A running cipher.
pub struct Cipher(StreamingEncryptingKey);

impl Cipher {
    /// Starts a cipher.
    pub fn new(spec: &CipherSpec) -> Self {
        let counter = u128::from_be_bytes(spec.iv).wrapping_add(u128::from(spec.offset_bytes / BLOCK_BYTES as u64));
        let key = UnboundCipherKey::new(&AES_256, &spec.key).expect("the key has 32 bytes");
        let iv = EncryptionContext::Iv128(FixedLength::from(counter.to_be_bytes()));
        let mut cipher = Self(StreamingEncryptingKey::less_safe_ctr(key, iv).expect("CTR takes an IV of 16 bytes"));
        let used = (spec.offset_bytes % BLOCK_BYTES as u64) as usize;
        cipher.apply(&[0; BLOCK_BYTES][..used], &mut [0; 2 * SLACK_BYTES]);
        cipher
    }

    /// Xors `input` with the next bytes of the keystream into `output`, which must be `SLACK_BYTES` longer.
    pub fn apply(&mut self, input: &[u8], output: &mut [u8]) {
        self.0.update(input, output).expect("the output has room for the input and a block");
    }
}

/// Encrypts or decrypts `data` from the start of the keystream.
#[must_use]
pub fn crypt(key: [u8; 32], iv: [u8; 16], data: &[u8]) -> Vec<u8> {
    let mut output = vec![0; data.len() + SLACK_BYTES];
    Cipher::new(&CipherSpec { key, iv, offset_bytes: 0 }).apply(data, &mut output);
    output.truncate(data.len());
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crypt_gives_the_vector_of_nist_sp_800_38a_f_5_5() {
        let key = *b"\x60\x3d\xeb\x10\x15\xca\x71\xbe\x2b\x73\xae\xf0\x85\x7d\x77\x81\x1f\x35\x2c\x07\x3b\x61\x08\xd7\x2d\x98\x10\xa3\x09\x14\xdf\xf4";
        let iv = *b"\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9\xfa\xfb\xfc\xfd\xfe\xff";
        let clear = b"\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17\x2a";
        let wanted = b"\x60\x1e\xc3\x13\x77\x57\x89\xa5\xb7\xa7\xf5\x04\xbb\xf3\xd2\x28";
        assert_eq!(crypt(key, iv, clear), wanted);
    }

    #[test]
    fn a_cipher_started_anywhere_goes_on_like_one_from_the_start() {
        let (key, iv) = ([7; 32], [0xff; 16]); // the counter overflows at once
        let whole = crypt(key, iv, &[0; 300]);
        for offset in [0, 1, 15, 16, 17, 64, 255] {
            let mut output = vec![0; 45 + SLACK_BYTES];
            Cipher::new(&CipherSpec { key, iv, offset_bytes: offset as u64 }).apply(&[0; 45], &mut output);
            assert_eq!(output[..45], whole[offset..offset + 45], "offset {offset}");
        }
    }
}
