//! The Python module `mtglib._engine`, and the only place that knows of Python. Its stub is `_engine.pyi`.

use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyTuple};

use crate::job::{Ciphers, Job, Timeouts};
use crate::sys::own_fd;
use crate::{Alarm, Answer, CipherSpec, Engine, Finished, Memory, Page, Prefixes, Shape, TimedRecord};

/// More than anyone waits, and far from what a clock can't hold.
const MAX_TIMEOUT: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// So many HMACs take no longer than it takes to let other threads run meanwhile.
const MOST_KEYS_WITH_GIL: usize = 16;

/// Key, IV, bytes of keystream used.
type PyCipher<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, u64);

/// Number, bytes from client, bytes to client, whether upstream had ended, reason, seconds to the first byte.
type PyFinished = (u64, u64, u64, bool, &'static str, Option<f64>);

/// Session id, suites, server name, groups and shares.
type PyHello<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, String, Bound<'py, PyDict>);

/// The native engine of mtglib.
#[pymodule]
mod _engine {
    #[pymodule_export]
    use super::{aes_ctr, find_key, hello_key, hmac_sha256, read_hello, sha256, write_answer};
    #[pymodule_export]
    use super::{ml_kem_768_ciphertext, ml_kem_768_encapsulation_key, nist_public_key, x25519_public_key};
    #[pymodule_export]
    use super::{PrefixSet, PyAlarm, PyEngine, RecordShape, ReplayMemory};
}

/// Encrypt or decrypt with AES-256-CTR from the start of the keystream.
#[pyfunction]
fn aes_ctr<'py>(py: Python<'py>, key: &[u8], iv: &[u8], data: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &crate::crypt(array("key", key)?, array("iv", iv)?, data)))
}

/// Return the HMAC-SHA256 of the data, 32 bytes.
#[pyfunction]
fn hmac_sha256<'py>(py: Python<'py>, key: &[u8], data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &crate::hmac_sha256(key, data))
}

/// Return the SHA-256 of the data, 32 bytes.
#[pyfunction]
fn sha256<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &crate::sha256(data))
}

/// Return the key of a hello's shape; None if it is malformed.
#[pyfunction]
fn hello_key<'py>(py: Python<'py>, record: &[u8]) -> Option<Bound<'py, PyBytes>> {
    crate::hello_key(record).map(|key| PyBytes::new(py, &key))
}

/// Find the key that a hello was made with; return its index and what the client's clock showed.
#[pyfunction]
fn find_key(py: Python<'_>, record: &[u8], keys: Vec<PyBackedBytes>) -> Option<(usize, u32)> {
    let keys: Vec<&[u8]> = keys.iter().map(|key| &**key).collect();
    if keys.len() <= MOST_KEYS_WITH_GIL {
        return crate::find_key(record, &keys);
    }
    py.detach(|| crate::find_key(record, &keys))
}

/// Take a hello apart; None if it is malformed.
#[pyfunction]
fn read_hello<'py>(py: Python<'py>, record: &[u8]) -> PyResult<Option<PyHello<'py>>> {
    let Some(hello) = crate::read_hello(record) else { return Ok(None) };
    let name: String =
        hello.server_name.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '\u{fffd}' }).collect();
    let shares = PyDict::new(py);
    for (group, share) in hello.key_shares {
        shares.set_item(group, PyBytes::new(py, share))?;
    }
    Ok(Some((PyBytes::new(py, hello.session_id), PyBytes::new(py, hello.cipher_suites), name, shares)))
}

/// Make the answer to a hello.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
fn write_answer<'py>(
    py: Python<'py>,
    key: &[u8],
    client_random: &[u8],
    session_id: &[u8],
    suite: u16,
    extensions: Vec<u16>,
    group: u16,
    share: &[u8],
    noise: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let answer = Answer { session_id, suite, extensions: &extensions, group, share, noise };
    let signed = answer.signed(key, client_random);
    signed.map(|signed| PyBytes::new(py, &signed)).ok_or_else(|| PyValueError::new_err("extensions: expected ours"))
}

/// Make an X25519 key pair and return its public half, 32 bytes.
#[pyfunction]
fn x25519_public_key(py: Python<'_>) -> Bound<'_, PyBytes> {
    PyBytes::new(py, &crate::x25519_public_key())
}

/// Make a key pair of a NIST curve and return its public half; None if the client's share isn't a point of it.
#[pyfunction]
fn nist_public_key<'py>(py: Python<'py>, group: u16, client_share: &[u8]) -> Option<Bound<'py, PyBytes>> {
    crate::nist_public_key(group, client_share).map(|key| PyBytes::new(py, key.as_ref()))
}

/// Make an ML-KEM-768 key pair and return its public half, as a client sends it.
#[pyfunction]
fn ml_kem_768_encapsulation_key(py: Python<'_>) -> Bound<'_, PyBytes> {
    PyBytes::new(py, crate::ml_kem_768_encapsulation_key().as_ref())
}

/// Draw a ciphertext that looks like one of an ML-KEM-768 key; None if the key is invalid.
#[pyfunction]
fn ml_kem_768_ciphertext<'py>(py: Python<'py>, encapsulation_key: &[u8]) -> Option<Bound<'py, PyBytes>> {
    crate::ml_kem_768_ciphertext(encapsulation_key).map(|ciphertext| PyBytes::new(py, &ciphertext))
}

/// Threads that relay.
#[pyclass(name = "Engine", frozen)]
struct PyEngine(Engine);

#[pymethods]
impl PyEngine {
    #[new]
    fn new(threads: usize) -> PyResult<Self> {
        Ok(Self(Engine::new(threads)?))
    }

    fn completion_fd(&self) -> i32 {
        self.0.completion_fd().as_raw_fd()
    }

    #[allow(clippy::too_many_arguments)]
    fn submit(
        &self,
        py: Python<'_>,
        client_fd: i32,
        upstream_fd: i32,
        client_unread: &[u8],
        preamble: &[u8],
        ciphers: Option<Vec<PyCipher<'_>>>,
        idle_timeout: f64,
        half_closed_timeout: Option<f64>,
        delivery_timeout: f64,
        shape: Option<&Bound<'_, RecordShape>>,
        unsent_limit_bytes: Option<i32>,
    ) -> PyResult<u64> {
        // Both are owned, and so closed, whatever is wrong with one of them.
        let (Some(client), Some(upstream)) = (own_fd(client_fd), own_fd(upstream_fd)) else {
            return Err(PyValueError::new_err("client_fd and upstream_fd: expected open descriptors"));
        };
        let job = Job {
            client,
            upstream,
            client_unread: client_unread.to_vec(),
            preamble: preamble.to_vec(),
            ciphers: ciphers.as_deref().map(parse_ciphers).transpose()?,
            timeouts: Timeouts {
                idle: timeout("idle_timeout", idle_timeout)?,
                half_closed: half_closed_timeout.map(|seconds| timeout("half_closed_timeout", seconds)).transpose()?,
                delivery: timeout("delivery_timeout", delivery_timeout)?,
            },
            shape: shape.map(|shape| Arc::clone(&shape.get().0)),
            unsent_limit_bytes,
        };
        Ok(py.detach(|| self.0.submit(job)))
    }

    fn abort(&self, job: u64) {
        self.0.abort(job);
    }

    fn completed(&self) -> Vec<PyFinished> {
        let finished = self.0.completed();
        finished.iter().map(finished_parts).collect()
    }

    fn progress(&self) -> Vec<(u64, u64, u64, bool)> {
        let progress = self.0.progress();
        progress.iter().map(|p| (p.number, p.from_client_bytes, p.to_client_bytes, p.upstream_ended)).collect()
    }

    fn turns(&self) -> u64 {
        self.0.turns()
    }

    fn buffered_bytes(&self) -> (u64, u64) {
        self.0.held_bytes()
    }

    fn connections(&self) -> usize {
        self.0.connections()
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
    }
}

/// A descriptor that becomes readable at a moment.
#[pyclass(name = "Alarm", frozen)]
struct PyAlarm(Alarm);

#[pymethods]
impl PyAlarm {
    #[new]
    fn new() -> PyResult<Self> {
        Ok(Self(Alarm::new()?))
    }

    fn fileno(&self) -> i32 {
        self.0.fd().as_raw_fd()
    }

    fn set(&self, after_seconds: Option<f64>) -> PyResult<()> {
        Ok(self.0.set(after_seconds.map(|seconds| timeout("after_seconds", seconds)).transpose()?)?)
    }
}

/// What a client's records look like.
#[pyclass(frozen)]
struct RecordShape(Arc<Shape>);

#[pymethods]
impl RecordShape {
    #[new]
    fn new(drs: bool, pages: Vec<(Vec<(usize, f64)>, usize)>) -> PyResult<Self> {
        let pages = pages.into_iter().map(|(records, opening)| page(records, opening)).collect::<PyResult<_>>()?;
        Ok(Self(Arc::new(Shape::new(drs, pages))))
    }
}

/// A set of IP prefixes.
#[pyclass(frozen)]
struct PrefixSet(Prefixes);

#[pymethods]
impl PrefixSet {
    #[new]
    #[pyo3(signature = (*pieces))]
    fn new(py: Python<'_>, pieces: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let pieces: Vec<Bound<'_, PyBytes>> = pieces.extract()?;
        let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
        Ok(Self(py.detach(|| Prefixes::parse(&pieces))))
    }

    #[staticmethod]
    fn union(py: Python<'_>, sets: Vec<Bound<'_, Self>>) -> Self {
        let sets: Vec<&Prefixes> = sets.iter().map(|set| &set.get().0).collect();
        Self(py.detach(|| Prefixes::union(&sets)))
    }

    #[getter]
    fn count(&self) -> usize {
        self.0.count()
    }

    #[getter]
    fn broken_lines(&self) -> usize {
        self.0.broken_lines()
    }

    fn contains_v4(&self, number: u32) -> bool {
        self.0.contains_v4(number)
    }

    fn contains_v6(&self, number: u128) -> bool {
        self.0.contains_v6(number)
    }
}

/// Which hellos were seen.
#[pyclass(frozen)]
struct ReplayMemory(Mutex<Memory>);

impl ReplayMemory {
    /// No call leaves it half-changed, so that a panic of one is no reason to refuse all others.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl ReplayMemory {
    #[new]
    fn new(key: &[u8], max_entries: usize) -> PyResult<Self> {
        Ok(Self(Mutex::new(Memory::new(array("key", key)?, max_entries))))
    }

    fn seen(&self, data: &[u8], now_unix: i64) -> bool {
        self.memory().seen(data, now_unix)
    }

    fn load(&self, py: Python<'_>, fingerprints: &[u8], seen_unix: i64) {
        py.detach(|| self.memory().load(fingerprints, seen_unix));
    }

    fn since<'py>(&self, py: Python<'py>, sequence: u64, most: usize) -> (u64, Bound<'py, PyBytes>) {
        let memory = self.memory();
        let (start, fingerprints) = memory.since(sequence, most);
        let raw: Vec<u8> = fingerprints.iter().flat_map(|fingerprint| fingerprint.to_le_bytes()).collect();
        drop(memory);
        (start, PyBytes::new(py, &raw))
    }

    #[getter]
    fn added(&self) -> u64 {
        self.memory().added()
    }

    #[getter]
    fn forgotten(&self) -> u64 {
        self.memory().forgotten()
    }

    #[getter]
    fn oldest_unix(&self) -> Option<i64> {
        self.memory().oldest_unix()
    }
}

fn finished_parts(f: &Finished) -> PyFinished {
    let first_byte_seconds = f.first_byte.map(|first_byte| first_byte.as_secs_f64());
    (f.number, f.from_client_bytes, f.to_client_bytes, f.upstream_ended, f.reason.name(), first_byte_seconds)
}

fn parse_ciphers(ciphers: &[PyCipher<'_>]) -> PyResult<Ciphers> {
    let specs = ciphers.iter().map(parse_cipher).collect::<PyResult<Vec<_>>>()?;
    match <[CipherSpec; 4]>::try_from(specs) {
        Ok([decrypt, encrypt, down_decrypt, down_encrypt]) => {
            Ok(Ciphers { from_client: (decrypt, encrypt), to_client: Some((down_decrypt, down_encrypt)) })
        }
        Err(specs) => match <[CipherSpec; 2]>::try_from(specs) {
            Ok([decrypt, encrypt]) => Ok(Ciphers { from_client: (decrypt, encrypt), to_client: None }),
            Err(_) => Err(PyValueError::new_err("ciphers: expected two or four")),
        },
    }
}

fn parse_cipher((key, iv, offset_bytes): &PyCipher<'_>) -> PyResult<CipherSpec> {
    Ok(CipherSpec { key: array("key", key.as_bytes())?, iv: array("iv", iv.as_bytes())?, offset_bytes: *offset_bytes })
}

fn timeout(name: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|timeout| *timeout <= MAX_TIMEOUT)
        .ok_or_else(|| PyValueError::new_err(format!("{name}: expected seconds, at most ten years")))
}

fn page(records: Vec<(usize, f64)>, opening: usize) -> PyResult<Page> {
    let record = |(size, seconds)| Ok(TimedRecord { size, pause: timeout("pages", seconds)? });
    let records = records.into_iter().map(record).collect::<PyResult<_>>()?;
    Page::new(records, opening).ok_or_else(|| PyValueError::new_err("pages: expected records of 1 to 16401 bytes"))
}

fn array<const N: usize>(name: &str, bytes: &[u8]) -> PyResult<[u8; N]> {
    bytes.try_into().map_err(|_| PyValueError::new_err(format!("{name}: expected {N} bytes, got {}", bytes.len())))
}
