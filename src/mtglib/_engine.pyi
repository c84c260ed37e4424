"""The native engine (rust/). Private to mtglib.

Its only users are `keyshare`, `wire.aes_ctr`, `wire.sha256`, `relay.native`, `ipblocklist.prefixes` and
`antireplay.memory`.
"""

from collections.abc import Sequence
from typing import TypeAlias, final

_Cipher: TypeAlias = tuple[bytes, bytes, int]

def aes_ctr(key: bytes, iv: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt with AES-256-CTR from the start of the keystream."""

def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Return the HMAC-SHA256 of the data, 32 bytes."""

def sha256(data: bytes) -> bytes:
    """Return the SHA-256 of the data, 32 bytes."""

def x25519_public_key() -> bytes:
    """Make an X25519 key pair and return its public half, 32 bytes."""

@final
class Engine:
    """Threads that relay."""

    def __new__(cls, threads: int) -> Engine: ...
    def completion_fd(self) -> int:
        """Return a descriptor that is readable while `completed` has something to return."""

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
    ) -> int:
        """Take over two sockets and relay between them; return the job's number.

        The engine owns the sockets from the call on, even if it raises.

        Args:
            client_fd: Connected, non-blocking.
            upstream_fd: Likewise.
            client_unread: Bytes received from the client and not processed yet.
            preamble: Sent upstream first, uncounted.
            ciphers: None relays the bytes as they are. Two: client_decrypt, dc_encrypt; four: dc_decrypt and
                client_encrypt as well. Each is key, iv, bytes of keystream used.
            idle_timeout: Seconds, positive; for this and the next two see `relay.job.Job`.
            half_closed_timeout: Seconds, positive.
            delivery_timeout: Seconds, positive.
        """

    def abort(self, job: int) -> None:
        """End a job soon, with the reason "shutdown"; has no effect if it is over."""

    def completed(self) -> list[tuple[int, int, int, bool, str]]:
        """Return the jobs that ended since the last call: job, bytes from client, to client, upstream ended, reason."""

    def progress(self) -> list[tuple[int, int, int, bool]]:
        """Return running jobs' progress since the last call: job, bytes from client, to client, upstream ended."""

    def turns(self) -> int:
        """Count how often the threads have woken up so far."""

    def buffered_bytes(self) -> tuple[int, int]:
        """Return how many undelivered bytes are in user memory: now, and the most that one direction ever had."""

    def connections(self) -> int:
        """Count the jobs that are running."""

    def close(self) -> None:
        """End all jobs and threads; waits for them."""

@final
class PrefixSet:
    """A set of IP addresses, made from the text of a netset; immutable."""

    def __new__(cls, *pieces: bytes) -> PrefixSet:
        """Parse pieces of whole lines; other threads run meanwhile. Lines that can't be parsed are only counted."""

    @staticmethod
    def union(sets: Sequence[PrefixSet]) -> PrefixSet:
        """Put sets together; their counts are added. Other threads run meanwhile."""

    @property
    def count(self) -> int:
        """The number of lines with an address, a prefix or a range."""

    @property
    def broken_lines(self) -> int:
        """The number of other lines."""

    def contains_v4(self, number: int) -> bool:
        """Return whether an IPv4 address is in the set."""

    def contains_v6(self, number: int) -> bool:
        """Return whether an IPv6 address is; one that is IPv4-mapped is looked up as IPv4."""

@final
class ReplayMemory:
    """Remembers hellos: `antireplay.memory.Memory` says what each method does. Threads may share it."""

    def __new__(cls, key: bytes, max_entries: int) -> ReplayMemory: ...
    def seen(self, data: bytes, now_unix: int) -> bool:
        """Return whether `data` is remembered, and remember it if not."""

    def load(self, fingerprints: bytes, seen_unix: int) -> None:
        """Remember fingerprints of an earlier process. Other threads run meanwhile."""

    def since(self, sequence: int, most: int) -> tuple[int, bytes]:
        """Return at most `most` fingerprints from number `sequence` on; before them the number of the first one."""

    @property
    def added(self) -> int:
        """The number of fingerprints ever remembered."""

    @property
    def forgotten(self) -> int:
        """The number of those that are forgotten."""

    @property
    def oldest_unix(self) -> int | None:
        """When the oldest remembered one was seen."""
