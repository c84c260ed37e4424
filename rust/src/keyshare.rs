//! The server's key shares, made in answer to a client's (RFC 8446, section 4.2.8).
//!
//! They are real, because an observer can tell those that aren't. What they agree on is never used: private keys and
//! shared secrets are dropped at once.

use aws_lc_rs::agreement::{
    Algorithm, EphemeralPrivateKey, ParsedPublicKey, PublicKey, UnparsedPublicKey, ECDH_P256, ECDH_P384, ECDH_P521,
    X25519,
};
use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, EncapsulationKeyBytes, ML_KEM_768};
use aws_lc_rs::rand::SystemRandom;

/// What uncompressed points begin with, the only ones that TLS 1.3 knows (RFC 8446, section 4.2.8.2).
const UNCOMPRESSED: u8 = 4;

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

/// Encapsulates a secret to an ML-KEM-768 key and returns the ciphertext, 1088 bytes; None if the key has another
/// length than 1184 bytes, or a coefficient that isn't reduced (FIPS 203, section 7.2).
#[must_use]
pub fn ml_kem_768_ciphertext(encapsulation_key: &[u8]) -> Option<Ciphertext<'static>> {
    let key = EncapsulationKey::new(&ML_KEM_768, encapsulation_key).ok()?;
    let (ciphertext, _secret) = key.encapsulate().ok()?;
    Some(ciphertext)
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
    fn a_ciphertext_is_one_of_the_clients_key() {
        let key = ml_kem_768_encapsulation_key();
        let mut unreduced = key.as_ref().to_vec();
        unreduced[..2].copy_from_slice(&[0x01, 0xfd]); // 3329, 12 bits of it

        assert_eq!(ml_kem_768_ciphertext(key.as_ref()).unwrap().as_ref().len(), 1088);
        assert!(ml_kem_768_ciphertext(&unreduced).is_none());
        assert!(ml_kem_768_ciphertext(&key.as_ref()[1..]).is_none());
    }
}
