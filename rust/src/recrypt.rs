//! Re-encryption from one leg's cipher to the other's: in one pass if the processor has vector AES, otherwise in two.

use crate::cipher::{Cipher, CipherSpec, SLACK_BYTES};
#[cfg(target_arch = "x86_64")]
use crate::vaes;

/// Decrypts bytes with one leg's cipher and encrypts them with the other's.
///
/// It is boxed, as it has 544 bytes, and one of the two directions of fast mode has none.
pub struct Recrypt(Box<Way>);

#[allow(clippy::large_enum_variant)] // the large one is the usual one
enum Way {
    #[cfg(target_arch = "x86_64")]
    OnePass(vaes::OnePass),
    TwoPasses {
        decrypt: Cipher,
        encrypt: Cipher,
    },
}

impl Recrypt {
    /// Starts both ciphers: that of the leg the bytes come from, and that of the leg they go to.
    pub fn new(decrypt: &CipherSpec, encrypt: &CipherSpec) -> Self {
        #[cfg(target_arch = "x86_64")]
        for vector_bytes in [64, 32] {
            if let Some(recrypt) = vaes::OnePass::new(decrypt, encrypt, vector_bytes) {
                return Self(Box::new(Way::OnePass(recrypt)));
            }
        }
        Self::in_two_passes(decrypt, encrypt)
    }

    fn in_two_passes(decrypt: &CipherSpec, encrypt: &CipherSpec) -> Self {
        Self(Box::new(Way::TwoPasses { decrypt: Cipher::new(decrypt), encrypt: Cipher::new(encrypt) }))
    }

    /// Recrypts `input` into `output`, which is `SLACK_BYTES` longer. Two passes go through a buffer, which should fit
    /// into the L1 cache.
    pub fn apply(&mut self, input: &[u8], through: &mut [u8], output: &mut [u8]) {
        match &mut *self.0 {
            #[cfg(target_arch = "x86_64")]
            Way::OnePass(recrypt) => recrypt.apply(input, output),
            Way::TwoPasses { decrypt, encrypt } => {
                let step = through.len() - SLACK_BYTES;
                for (piece, number) in input.chunks(step).zip(0..) {
                    decrypt.apply(piece, through);
                    encrypt.apply(&through[..piece.len()], &mut output[number * step..]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pseudo-random bytes, the same each time.
    fn noise(count: usize, seed: u8) -> Vec<u8> {
        crate::crypt([seed; 32], [0; 16], &vec![0; count])
    }

    fn spec(seed: u8, iv: [u8; 16], offset_bytes: u64) -> CipherSpec {
        CipherSpec { key: noise(32, seed).try_into().expect("32 bytes"), iv, offset_bytes }
    }

    /// Every way that this processor supports.
    fn ways(decrypt: &CipherSpec, encrypt: &CipherSpec) -> Vec<Recrypt> {
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut))]
        let mut ways = vec![Recrypt::in_two_passes(decrypt, encrypt)];
        #[cfg(target_arch = "x86_64")]
        for vector_bytes in [64, 32] {
            ways.extend(
                vaes::OnePass::new(decrypt, encrypt, vector_bytes)
                    .map(|recrypt| Recrypt(Box::new(Way::OnePass(recrypt)))),
            );
        }
        ways
    }

    /// Recrypts noise in pieces of many lengths, in every way; two passes over all of it are the oracle.
    fn check(decrypt: &CipherSpec, encrypt: &CipherSpec) {
        let input = noise(40_000, 9);
        let mut through = [0; 256 + SLACK_BYTES];
        let mut wanted = vec![0; input.len() + SLACK_BYTES];
        Recrypt::in_two_passes(decrypt, encrypt).apply(&input, &mut through, &mut wanted);
        let lengths = [1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 257, 300, 1000, 3, 5000];
        for (first, mut recrypt) in
            (0..lengths.len()).flat_map(|first| ways(decrypt, encrypt).into_iter().map(move |way| (first, way)))
        {
            let (mut position, mut output) = (0, vec![0; input.len() + SLACK_BYTES]);
            for length in lengths.iter().cycle().skip(first) {
                let end = input.len().min(position + length);
                recrypt.apply(&input[position..end], &mut through, &mut output[position..]);
                position = end;
                if end == input.len() {
                    break;
                }
            }
            assert!(output[..position] == wanted[..position], "beginning with {} bytes", lengths[first]);
        }
    }

    #[test]
    fn one_pass_gives_the_same_as_two_at_every_segmentation_and_offset() {
        for offset in [0, 1, 15, 16, 64, 100] {
            check(&spec(1, [3; 16], offset), &spec(2, [4; 16], offset));
        }
    }

    #[test]
    fn counters_overflow_into_their_upper_half_and_around() {
        let mut low_overflows = [0; 16];
        low_overflows[8..].copy_from_slice(&(u64::MAX - 37).to_be_bytes());
        for iv in [low_overflows, [0xff; 16]] {
            check(&spec(1, iv, 0), &spec(2, [5; 16], 0));
            check(&spec(1, [5; 16], 64), &spec(2, iv, 64));
        }
    }

    #[test]
    fn legs_at_different_places_of_a_block_are_recrypted_too() {
        check(&spec(1, [3; 16], 5), &spec(2, [4; 16], 7));
    }
}
