//! AES-256-CTR with two keystreams at once, for processors whose AES instructions work on vectors (VAES).
//!
//! Re-encryption is `input ^ keystream of one leg ^ keystream of the other`: both are made in registers, and the bytes
//! are loaded and stored once; docs/adr/0008 has the reasons and the numbers. The instructions are documented in
//! Intel's Intrinsics Guide, the key schedule in FIPS 197.
//!
//! There are two kinds of `unsafe` in here: instructions that the processor has, since a [`OnePass`] is only made if
//! they were detected, and loads and stores inside a slice whose length was checked.

use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm256_add_epi64, _mm256_aesenc_epi128, _mm256_aesenclast_epi128,
    _mm256_broadcastsi128_si256, _mm256_loadu_si256, _mm256_set_epi64x, _mm256_shuffle_epi8, _mm256_storeu_si256,
    _mm256_xor_si256, _mm512_add_epi64, _mm512_aesenc_epi128, _mm512_aesenclast_epi128, _mm512_broadcast_i32x4,
    _mm512_loadu_si512, _mm512_set_epi64, _mm512_shuffle_epi8, _mm512_storeu_si512, _mm512_xor_si512,
    _mm_aeskeygenassist_si128, _mm_loadu_si128, _mm_set_epi64x, _mm_setr_epi8, _mm_setzero_si128, _mm_shuffle_epi32,
    _mm_slli_si128, _mm_xor_si128,
};
use std::array::from_fn;

use crate::cipher::{CipherSpec, BLOCK_BYTES};

const ROUND_KEYS: usize = 15;
/// Vectors of each keystream in flight at once: an AES instruction takes four cycles, and two can start in each.
const VECTORS: usize = 4;
const MAX_VECTOR_BYTES: usize = 64;

/// A vector of blocks. All functions need the processor's features named at the implementation.
trait Vector: Copy {
    const BYTES: usize;
    unsafe fn load(bytes: &[u8]) -> Self;
    unsafe fn store(self, bytes: &mut [u8]);
    unsafe fn xor(self, other: Self) -> Self;
    unsafe fn round(self, key: Self) -> Self;
    unsafe fn last_round(self, key: Self) -> Self;
    /// The block in every place.
    unsafe fn repeat(block: __m128i) -> Self;
    /// Blocks of `high` and `low`, `low + 1` and so on, big-endian; `low` doesn't overflow.
    unsafe fn count(low: u64, high: u64) -> Self;
}

/// Needs vaes and avx512bw.
impl Vector for __m512i {
    const BYTES: usize = 64;

    #[inline(always)]
    unsafe fn load(bytes: &[u8]) -> Self {
        _mm512_loadu_si512(bytes[..Self::BYTES].as_ptr().cast())
    }

    #[inline(always)]
    unsafe fn store(self, bytes: &mut [u8]) {
        _mm512_storeu_si512(bytes[..Self::BYTES].as_mut_ptr().cast(), self);
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        _mm512_xor_si512(self, other)
    }

    #[inline(always)]
    unsafe fn round(self, key: Self) -> Self {
        _mm512_aesenc_epi128(self, key)
    }

    #[inline(always)]
    unsafe fn last_round(self, key: Self) -> Self {
        _mm512_aesenclast_epi128(self, key)
    }

    #[inline(always)]
    unsafe fn repeat(block: __m128i) -> Self {
        _mm512_broadcast_i32x4(block)
    }

    #[inline(always)]
    unsafe fn count(low: u64, high: u64) -> Self {
        let first = Self::repeat(_mm_set_epi64x(high.cast_signed(), low.cast_signed()));
        let counters = _mm512_add_epi64(first, _mm512_set_epi64(0, 3, 0, 2, 0, 1, 0, 0));
        _mm512_shuffle_epi8(counters, Self::repeat(reversal()))
    }
}

/// Needs vaes and avx2.
impl Vector for __m256i {
    const BYTES: usize = 32;

    #[inline(always)]
    unsafe fn load(bytes: &[u8]) -> Self {
        _mm256_loadu_si256(bytes[..Self::BYTES].as_ptr().cast())
    }

    #[inline(always)]
    unsafe fn store(self, bytes: &mut [u8]) {
        _mm256_storeu_si256(bytes[..Self::BYTES].as_mut_ptr().cast(), self);
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        _mm256_xor_si256(self, other)
    }

    #[inline(always)]
    unsafe fn round(self, key: Self) -> Self {
        _mm256_aesenc_epi128(self, key)
    }

    #[inline(always)]
    unsafe fn last_round(self, key: Self) -> Self {
        _mm256_aesenclast_epi128(self, key)
    }

    #[inline(always)]
    unsafe fn repeat(block: __m128i) -> Self {
        _mm256_broadcastsi128_si256(block)
    }

    #[inline(always)]
    unsafe fn count(low: u64, high: u64) -> Self {
        let first = Self::repeat(_mm_set_epi64x(high.cast_signed(), low.cast_signed()));
        let counters = _mm256_add_epi64(first, _mm256_set_epi64x(0, 1, 0, 0));
        _mm256_shuffle_epi8(counters, Self::repeat(reversal()))
    }
}

/// A shuffle that reverses a block's bytes.
#[inline(always)]
unsafe fn reversal() -> __m128i {
    _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
}

/// One leg's cipher.
struct Keystream {
    keys: [__m128i; ROUND_KEYS],
    counter: u128,
}

impl Keystream {
    /// Needs the feature aes.
    #[target_feature(enable = "aes")]
    fn new(spec: &CipherSpec) -> Self {
        let counter = u128::from_be_bytes(spec.iv).wrapping_add(u128::from(spec.offset_bytes / BLOCK_BYTES as u64));
        Self { keys: expand_key(&spec.key), counter }
    }

    /// The counters of the next vector, each block in its place.
    #[inline(always)]
    unsafe fn next_counters<V: Vector>(&mut self) -> V {
        let blocks = (V::BYTES / BLOCK_BYTES) as u64;
        let (low, high) = (self.counter as u64, (self.counter >> 64) as u64);
        let first = self.counter;
        self.counter = first.wrapping_add(u128::from(blocks));
        if low.checked_add(blocks).is_some() {
            return V::count(low, high);
        }
        let mut bytes = [0; MAX_VECTOR_BYTES];
        for (place, number) in bytes.chunks_exact_mut(BLOCK_BYTES).zip(0..) {
            place.copy_from_slice(&first.wrapping_add(number).to_be_bytes());
        }
        V::load(&bytes)
    }
}

/// Decrypts bytes with one leg's cipher and encrypts them with the other's.
pub struct OnePass {
    decrypt: Keystream,
    encrypt: Keystream,
    /// The last block of both keystreams xored, of which the last `unused` bytes are left.
    last: [u8; BLOCK_BYTES],
    unused: usize,
    has_512: bool,
}

impl OnePass {
    /// Makes one that works on vectors of `vector_bytes`, 64 or 32.
    ///
    /// None if the processor has no vectors of that size, or if the legs are at different offsets within a block, which
    /// those of a Telegram stream never are.
    pub fn new(decrypt: &CipherSpec, encrypt: &CipherSpec, vector_bytes: usize) -> Option<Self> {
        let has_vectors = match vector_bytes {
            64 => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw"),
            32 => is_x86_feature_detected!("avx2"),
            _ => false,
        };
        let [place, other] = [decrypt, encrypt].map(|leg| (leg.offset_bytes % BLOCK_BYTES as u64) as usize);
        if !has_vectors || !is_x86_feature_detected!("aes") || !is_x86_feature_detected!("vaes") || place != other {
            return None;
        }
        // SAFETY: aes was detected.
        let (decrypt, encrypt) = unsafe { (Keystream::new(decrypt), Keystream::new(encrypt)) };
        let mut recrypt = Self { decrypt, encrypt, last: [0; BLOCK_BYTES], unused: 0, has_512: vector_bytes == 64 };
        recrypt.apply(&[0; BLOCK_BYTES][..place], &mut [0; BLOCK_BYTES]);
        Some(recrypt)
    }

    /// Recrypts `input` into `output`, which is at least as long.
    pub fn apply(&mut self, input: &[u8], output: &mut [u8]) {
        let output = &mut output[..input.len()];
        let rest = self.unused.min(input.len());
        let keystream = &self.last[BLOCK_BYTES - self.unused..];
        for ((out, byte), key) in output.iter_mut().zip(input).zip(keystream).take(rest) {
            *out = byte ^ key;
        }
        self.unused -= rest;
        let (input, output) = (&input[rest..], &mut output[rest..]);
        if input.is_empty() {
            return;
        }
        if self.has_512 {
            // SAFETY: the features were detected.
            unsafe { self.apply_512(input, output) }
        } else {
            // SAFETY: the features were detected.
            unsafe { self.apply_256(input, output) }
        }
    }

    #[target_feature(enable = "aes,vaes,avx512f,avx512bw")]
    fn apply_512(&mut self, input: &[u8], output: &mut [u8]) {
        // SAFETY: this function has the features, and both slices have the same length.
        unsafe { self.apply_vectors::<__m512i>(input, output) }
    }

    #[target_feature(enable = "aes,vaes,avx2")]
    fn apply_256(&mut self, input: &[u8], output: &mut [u8]) {
        // SAFETY: as above.
        unsafe { self.apply_vectors::<__m256i>(input, output) }
    }

    #[inline(always)]
    unsafe fn apply_vectors<V: Vector>(&mut self, input: &[u8], output: &mut [u8]) {
        let mut inputs = input.chunks_exact(VECTORS * V::BYTES);
        let mut outputs = output.chunks_exact_mut(VECTORS * V::BYTES);
        for (from, to) in inputs.by_ref().zip(outputs.by_ref()) {
            let keystream = self.next::<V, VECTORS>();
            for ((from, to), key) in from.chunks_exact(V::BYTES).zip(to.chunks_exact_mut(V::BYTES)).zip(keystream) {
                V::load(from).xor(key).store(to);
            }
        }
        let rest = outputs.into_remainder();
        for (from, to) in inputs.remainder().chunks(V::BYTES).zip(rest.chunks_mut(V::BYTES)) {
            let [key] = self.next::<V, 1>();
            if from.len() == V::BYTES {
                V::load(from).xor(key).store(to);
            } else {
                self.apply_part(from, to, key);
            }
        }
    }

    /// Handles the last, incomplete vector: the rest of its last block is kept, and the blocks after that stay unused.
    #[inline(always)]
    unsafe fn apply_part<V: Vector>(&mut self, input: &[u8], output: &mut [u8], keystream: V) {
        let mut bytes = [0; MAX_VECTOR_BYTES];
        keystream.store(&mut bytes);
        for ((out, byte), key) in output.iter_mut().zip(input).zip(bytes) {
            *out = byte ^ key;
        }
        let blocks = input.len().div_ceil(BLOCK_BYTES);
        self.unused = blocks * BLOCK_BYTES - input.len();
        self.last.copy_from_slice(&bytes[(blocks - 1) * BLOCK_BYTES..blocks * BLOCK_BYTES]);
        let unused_blocks = (V::BYTES / BLOCK_BYTES - blocks) as u128;
        for leg in [&mut self.decrypt, &mut self.encrypt] {
            leg.counter = leg.counter.wrapping_sub(unused_blocks);
        }
    }

    /// The next `N` vectors of both keystreams xored.
    #[inline(always)]
    unsafe fn next<V: Vector, const N: usize>(&mut self) -> [V; N] {
        let (key, other_key) = (V::repeat(self.decrypt.keys[0]), V::repeat(self.encrypt.keys[0]));
        let mut one: [V; N] = from_fn(|_| self.decrypt.next_counters::<V>().xor(key));
        let mut other: [V; N] = from_fn(|_| self.encrypt.next_counters::<V>().xor(other_key));
        for round in 1..ROUND_KEYS - 1 {
            let (key, other_key) = (V::repeat(self.decrypt.keys[round]), V::repeat(self.encrypt.keys[round]));
            one = one.map(|vector| vector.round(key));
            other = other.map(|vector| vector.round(other_key));
        }
        let key = V::repeat(self.decrypt.keys[ROUND_KEYS - 1]);
        let other_key = V::repeat(self.encrypt.keys[ROUND_KEYS - 1]);
        from_fn(|i| one[i].last_round(key).xor(other[i].last_round(other_key)))
    }
}

/// FIPS 197, section 5.2, for eight key words.
#[target_feature(enable = "aes")]
fn expand_key(key: &[u8; 32]) -> [__m128i; ROUND_KEYS] {
    // SAFETY: both halves have 16 bytes.
    let (mut even, mut odd) =
        unsafe { (_mm_loadu_si128(key.as_ptr().cast()), _mm_loadu_si128(key[16..].as_ptr().cast())) };
    let mut keys = [_mm_setzero_si128(); ROUND_KEYS];
    (keys[0], keys[1]) = (even, odd);
    macro_rules! even {
        ($at:literal, $round_constant:literal) => {
            even = mixed(even, _mm_shuffle_epi32::<0xff>(_mm_aeskeygenassist_si128::<$round_constant>(odd)));
            keys[$at] = even;
        };
    }
    macro_rules! odd {
        ($at:literal) => {
            odd = mixed(odd, _mm_shuffle_epi32::<0xaa>(_mm_aeskeygenassist_si128::<0>(even)));
            keys[$at] = odd;
        };
    }
    even!(2, 0x01);
    odd!(3);
    even!(4, 0x02);
    odd!(5);
    even!(6, 0x04);
    odd!(7);
    even!(8, 0x08);
    odd!(9);
    even!(10, 0x10);
    odd!(11);
    even!(12, 0x20);
    odd!(13);
    even!(14, 0x40);
    keys
}

/// Each word xored with those before it, and with the substituted word.
#[target_feature(enable = "aes")]
fn mixed(words: __m128i, substituted: __m128i) -> __m128i {
    let two = _mm_xor_si128(words, _mm_slli_si128::<4>(words));
    let four = _mm_xor_si128(two, _mm_slli_si128::<8>(two));
    _mm_xor_si128(four, substituted)
}
