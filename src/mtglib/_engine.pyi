"""The native engine (rust/). Private to mtglib.

Its only users are `keyshare`, `fine_clock`, `wire.aes_ctr`, `wire.client_hello`, `wire.hello_key`, `wire.server_hello`,
`wire.sha256`, `relay.native`, `ipblocklist.prefixes` and `antireplay.memory`.
"""

from collections.abc import Sequence
from typing import TypeAlias, final

_Cipher: TypeAlias = tuple[bytes, bytes, int]

def aes_ctr(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt with AES-256-CTR from the start of the keystream."""

def find_key(record: bytes, keys: Sequence[bytes]) -> tuple[int, int] | None:
    """Find the key that a hello was made with; return its index and what the client's clock showed, Unix seconds.

    None if it is none of these, or if the record ends within its random. Digests are compared in constant time.
    """

def hello_key(record: bytes) -> bytes | None:
    """Return the key of a hello's shape, 16 bytes, as `wire.hello_shape` makes it; None if the hello is malformed."""

def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Return the HMAC-SHA256 of the data, 32 bytes."""

def ml_kem_768_ciphertext(encapsulation_key: bytes) -> bytes | None:
    """Draw a ciphertext that looks like one of an ML-KEM-768 key, 1088 bytes (FIPS 203).

    None if the key is invalid: other than 1184 bytes, or a coefficient that isn't reduced (section 7.2).
    """

def ml_kem_768_encapsulation_key() -> bytes | None:
    """Make an ML-KEM-768 key pair and return its public half, 1184 bytes (FIPS 203)."""

def nist_public_key(group: int, client_share: bytes) -> bytes | None:
    """Make a key pair of a NIST curve and return its public half, an uncompressed point.

    None if the client's share isn't such a point of the same curve.

    Args:
        group: The curve as a TLS group: 0x0017, 0x0018 or 0x0019.
        client_share: The client's public key.
    """

def read_hello(record: bytes) -> tuple[bytes, bytes, str, dict[int, bytes]] | None:
    """Take a joined record apart; return the session id, the suites, the server's name, and the key shares.

    None if it is malformed.
    """

def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of the data, 32 bytes."""

def write_answer(
    key: bytes,
    client_random: bytes,
    session_id: bytes,
    suite: int,
    extensions: Sequence[int],
    group: int,
    share: bytes,
    noise: bytes,
) -> bytes:
    """Make the answer to a hello; see `wire.server_hello`."""

def x25519_public_key() -> bytes:
    """Make an X25519 key pair and return its public half, 32 bytes."""

@final
class Engine:
    """Threads that relay."""

    def __new__(cls, threads: int) -> Engine: ...
    def completion_fd(self) -> int:
        """Return a descriptor that is readable while `completed` has something."""

    def submit(
        self,
        client_fd: int,
        upstream_fd: int,
        client_unread: bytes,
        preamble: bytes,
        ciphers: Sequence[_Cipher] | None,
        idle_timeout: float,
        half_closed_timeout: float | None,
        delivery_timeout: float,
        shape: RecordShape | None,
        unsent_limit_bytes: int | None,
    ) -> int:
        """Take over two sockets and relay between them; return the job's number.

        The sockets are the engine's from the call on, also when it raises.

        Args:
            client_fd: Connected, non-blocking.
            upstream_fd: Likewise.
            client_unread: Bytes received from the client and not dealt with.
            preamble: Sent upstream first, uncounted.
            ciphers: None: raw. Two: client_decrypt, dc_encrypt; four: and dc_decrypt, client_encrypt. Each is key,
                iv, bytes of keystream used.
            idle_timeout: Seconds, positive; for this and the next two see `relay.job.Job`.
            half_closed_timeout: Seconds, positive.
            delivery_timeout: Seconds, positive.
            shape: The client's records, for Telegram; None: full ones, each sent at once.
            unsent_limit_bytes: `not_sent_low_water_bytes` of the job.
        """

    def abort(self, job: int) -> None:
        """End a job soon, with the reason "shutdown"; nothing happens if it is over."""

    def completed(self) -> list[tuple[int, int, int, bool, str, float | None]]:
        """Take what has ended since the last call.

        Each is job, bytes from client, to client, upstream ended, reason, and the seconds to upstream's first byte.
        """

    def progress(self) -> list[tuple[int, int, int, bool]]:
        """Take the news of running jobs since the last call: job, bytes from client, to client, upstream ended."""

    def turns(self) -> int:
        """Count how often the threads have woken up so far."""

    def buffered_bytes(self) -> tuple[int, int]:
        """Return user memory that holds undelivered bytes: now, and the most that one direction ever had."""

    def connections(self) -> int:
        """Count the jobs that are running."""

    def close(self) -> None:
        """End all jobs and threads; waits for them."""

@final
class Alarm:
    """A descriptor that becomes readable at a moment, to some ten microseconds."""

    def __new__(cls) -> Alarm: ...
    def fileno(self) -> int:
        """Return the descriptor; it is closed when this object goes."""

    def set(self, after_seconds: float | None) -> None:
        """Make it readable after so long, and not before; None: never. An earlier setting is forgotten."""

@final
class RecordShape:
    """A `relay.job.Shape`; jobs may share one."""

    def __new__(cls, drs: bool, pages: Sequence[tuple[Sequence[tuple[int, float]], int]]) -> RecordShape: ...

@final
class PrefixSet:
    """A set of IP addresses, made from the text of a netset; immutable."""

    def __new__(cls, *pieces: bytes) -> PrefixSet:
        """Parse pieces of whole lines; other threads run meanwhile. What can't be understood is counted, no error."""

    @staticmethod
    def union(sets: Sequence[PrefixSet]) -> PrefixSet:
        """Put sets together; their counts are added. Other threads run meanwhile."""

    @property
    def count(self) -> int:
        """How many lines had an address, a prefix or a range."""

    @property
    def broken_lines(self) -> int:
        """How many lines had something else."""

    def contains_v4(self, number: int) -> bool:
        """Return whether an IPv4 address is in the set."""

    def contains_v6(self, number: int) -> bool:
        """Return whether an IPv6 address is; one that is IPv4-mapped is looked up as IPv4."""

@final
class ReplayMemory:
    """Which hellos were seen: `antireplay.memory.Memory` says what each method does. Threads may share it."""

    def __new__(cls, key: bytes, max_entries: int) -> ReplayMemory: ...
    def seen(self, data: bytes, now_unix: int) -> bool:
        """Return whether `data` is remembered, and remember it if not."""

    def load(self, fingerprints: bytes, seen_unix: int) -> None:
        """Remember fingerprints of an earlier life. Other threads run meanwhile."""

    def since(self, sequence: int, most: int) -> tuple[int, bytes]:
        """Return at most so many fingerprints from the `sequence`th on, and which one is the first."""

    @property
    def added(self) -> int:
        """How many were ever remembered."""

    @property
    def forgotten(self) -> int:
        """How many of those are forgotten."""

    @property
    def oldest_unix(self) -> int | None:
        """When the oldest one that is remembered was seen."""
