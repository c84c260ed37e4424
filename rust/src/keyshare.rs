//! The server's key shares, made in answer to a client's (RFC 8446, section 4.2.8).
//!
//! An observer can't tell them from a site's. Keys are real; what they agree on is never used, and private keys are
//! dropped at once. An ML-KEM ciphertext is drawn, which costs a tenth of an encapsulation: ADR 23 says why nobody can
//! tell.

use aws_lc_rs::agreement::{
    Algorithm, EphemeralPrivateKey, ParsedPublicKey, PublicKey, UnparsedPublicKey, ECDH_P256, ECDH_P384, ECDH_P521,
    X25519,
};
use aws_lc_rs::kem::{DecapsulationKey, EncapsulationKeyBytes, ML_KEM_768};
use aws_lc_rs::rand::{self, SystemRandom};

use crate::crypt;

/// What uncompressed points begin with, the only ones that TLS 1.3 knows (RFC 8446, section 4.2.8.2).
const UNCOMPRESSED: u8 = 4;

const Q: u16 = 3329;
const COEFFICIENTS: usize = 4 * 256;
const VECTOR_BYTES: usize = 3 * 256 * 12 / 8;
const ENCAPSULATION_KEY_BYTES: usize = VECTOR_BYTES + 32;
const COMPRESSED_VECTOR_BYTES: usize = 3 * 256 * 10 / 8;
const CIPHERTEXT_BYTES: usize = COMPRESSED_VECTOR_BYTES + 256 * 4 / 8;
/// Holds 1706 numbers, of which 1387 are small enough on average, and practically never less than 1024.
const DRAWN_BYTES: usize = 2559;

/// Makes an X25519 key pair and returns its public half.
#[must_use]
pub fn x25519_public_key() -> [u8; 32] {
    public_key(&X25519).as_ref().try_into().expect("X25519 keys have 32 bytes")
}

/// Makes a key pair of a NIST curve, named by its number as a TLS group, and returns the public half as an
/// uncompressed point; None for other groups, and if the client's share isn't such a point of this curve.
#[must_use]
pub fn nist_public_key(group: u16, client_share: &[u8]) -> Option<PublicKey> {
    let curve = match group {
        0x0017 => &ECDH_P256,
        0x0018 => &ECDH_P384,
        0x0019 => &ECDH_P521,
        _ => return None,
    };
    if client_share.first() != Some(&UNCOMPRESSED) {
        return None;
    }
    ParsedPublicKey::try_from(UnparsedPublicKey::new(curve, client_share)).ok()?;
    Some(public_key(curve))
}

/// Draws a ciphertext that looks like one of an ML-KEM-768 key, 1088 bytes; None if the key has another length than 1184
/// bytes, or a coefficient that isn't reduced (FIPS 203, section 7.2).
///
/// As in a ciphertext, there are 1024 coefficients that are uniform modulo 3329, compressed to 10 and 4 bits.
#[must_use]
pub fn ml_kem_768_ciphertext(encapsulation_key: &[u8]) -> Option<[u8; CIPHERTEXT_BYTES]> {
    let is_valid = encapsulation_key.len() == ENCAPSULATION_KEY_BYTES
        && encapsulation_key[..VECTOR_BYTES].chunks_exact(3).flat_map(pair).all(|coefficient| coefficient < Q);
    is_valid.then(|| {
        let mut ciphertext = [0; CIPHERTEXT_BYTES];
        let coefficients = uniform_coefficients();
        let (vector, polynomial) = coefficients.split_at(3 * 256);
        let (first, second) = ciphertext.split_at_mut(COMPRESSED_VECTOR_BYTES);
        compress(vector, 10, first);
        compress(polynomial, 4, second);
        ciphertext
    })
}

/// Draws numbers of 12 bits and keeps those below 3329, as FIPS 203 does to make a matrix (algorithm 7).
fn uniform_coefficients() -> [u16; COEFFICIENTS] {
    let mut kept = [0; DRAWN_BYTES / 3 * 2];
    let mut count = 0;
    while count < COEFFICIENTS {
        let mut key = [0; 32];
        rand::fill(&mut key).expect("the system has random bytes");
        count = 0;
        for coefficient in crypt(key, [0; 16], &[0; DRAWN_BYTES]).chunks_exact(3).flat_map(pair) {
            // Written in any case: a processor can't predict which are kept.
            kept[count] = coefficient;
            count += usize::from(coefficient < Q);
        }
    }
    *kept.first_chunk().expect("there are as many")
}

/// Two numbers of 12 bits.
fn pair(bytes: &[u8]) -> [u16; 2] {
    let [first, second, third] = [bytes[0], bytes[1], bytes[2]].map(u16::from);
    [first | (second & 0xf) << 8, second >> 4 | third << 4]
}

/// Compresses coefficients to a number of bits each, and packs them (FIPS 203, section 4.2.1).
fn compress(coefficients: &[u16], bits: u32, packed: &mut [u8]) {
    let (q, mask) = (u32::from(Q), (1 << bits) - 1);
    let (mut held, mut held_bits) = (0, 0);
    let mut packed = packed.iter_mut();
    for coefficient in coefficients {
        held |= ((((u32::from(*coefficient) << bits) + q / 2) / q) & mask) << held_bits;
        held_bits += bits;
        while held_bits >= 8 {
            *packed.next().expect("there is room for all") = held as u8;
            held >>= 8;
            held_bits -= 8;
        }
    }
}

/// Makes an ML-KEM-768 key pair and returns its public half, 1184 bytes, as a client sends it.
#[must_use]
pub fn ml_kem_768_encapsulation_key() -> EncapsulationKeyBytes<'static> {
    let key = DecapsulationKey::generate(&ML_KEM_768).and_then(|key| key.encapsulation_key());
    key.and_then(|key| key.key_bytes()).expect("the system has random bytes")
}

fn public_key(algorithm: &'static Algorithm) -> PublicKey {
    let key = EphemeralPrivateKey::generate(algorithm, &SystemRandom::new()).and_then(|key| key.compute_public_key());
    key.expect("the system has random bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nist_key_is_a_point_that_answers_one_of_the_same_curve() {
        for (group, curve) in [(0x0017, &ECDH_P256), (0x0018, &ECDH_P384), (0x0019, &ECDH_P521)] {
            let client = public_key(curve);

            let server = nist_public_key(group, client.as_ref()).expect("the client's point is valid");

            assert_eq!(server.as_ref().len(), client.as_ref().len());
            assert!(nist_public_key(group, server.as_ref()).is_some());
            assert!(nist_public_key(group ^ 0x10, client.as_ref()).is_none());
            assert!(nist_public_key(0x0017 + (group - 0x0016) % 3, client.as_ref()).is_none());
        }
    }

    #[test]
    fn a_ciphertext_answers_a_valid_key() {
        let key = ml_kem_768_encapsulation_key();
        let mut unreduced = key.as_ref().to_vec();
        unreduced[..2].copy_from_slice(&[0x01, 0xfd]); // 3329, 12 bits of it

        assert_ne!(ml_kem_768_ciphertext(key.as_ref()).unwrap(), ml_kem_768_ciphertext(key.as_ref()).unwrap());
        assert!(ml_kem_768_ciphertext(&unreduced).is_none());
        assert!(ml_kem_768_ciphertext(&key.as_ref()[1..]).is_none());
    }

    #[test]
    fn coefficients_are_compressed_as_the_standard_rounds_them_and_packed_in_their_order() {
        for bits in [4, 10] {
            let coefficients: Vec<u16> = (0..Q - 1).collect();
            let mut packed = vec![0; coefficients.len() * bits as usize / 8];

            compress(&coefficients, bits, &mut packed);

            let bit = |at: usize| u32::from(packed[at / 8] >> (at % 8) & 1);
            for (index, coefficient) in coefficients.iter().enumerate() {
                let value = (0..bits).map(|n| bit(index * bits as usize + n as usize) << n).sum::<u32>();
                let exact = f64::from(1 << bits) / f64::from(Q) * f64::from(*coefficient);
                assert_eq!(value, exact.round() as u32 % (1 << bits));
            }
        }
    }

    #[test]
    fn coefficients_are_uniform() {
        let mut counts = vec![0u32; usize::from(Q)];
        for _ in 0..1000 {
            uniform_coefficients().into_iter().for_each(|coefficient| counts[coefficient as usize] += 1);
        }

        // Chi-square of 3328 degrees of freedom is 3328 +- 82; fewer than one in 10^9 are beyond these.
        let expected = 1000.0 * COEFFICIENTS as f64 / f64::from(Q);
        let chi_square: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        assert!((2800.0..3900.0).contains(&chi_square), "{chi_square}");
    }
}
