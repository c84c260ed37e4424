"""The whole interface between the proxy and its relays, as data."""

from __future__ import annotations

import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ..reasons import Reason
from ..wire.aes_ctr import CipherState

OnTraffic: TypeAlias = Callable[[int, int, bool], None]
"""Called with bytes (from client, to client) since the last call, and whether upstream has ended its side by now (or is
lost). That is about once a second, when somebody asks (`Relay.report`), and at the end; always because one of the three
has changed."""

DELIVERY_TIMEOUT = 30.0
"""See `Job.delivery_timeout`."""


@dataclass(frozen=True, slots=True, repr=False)
class TelegramCiphers:
    """How a Telegram stream is re-encrypted; the client's leg is in TLS records, the DC's is not.

    Attributes:
        client_decrypt, dc_encrypt: Decrypt and encrypt the bytes from the client.
        dc_decrypt, client_encrypt: Decrypt and encrypt the bytes from the DC; both None in fast mode, which needs
            neither.
    """

    client_decrypt: CipherState
    dc_encrypt: CipherState
    dc_decrypt: CipherState | None
    client_encrypt: CipherState | None


@dataclass(frozen=True, slots=True, repr=False)
class Job:
    """A connection to be relayed. The relay owns both sockets and closes them, whatever happens.

    Attributes:
        client, upstream: Connected, non-blocking stream sockets that nobody else watches.
        client_unread: Bytes received from the client and not processed yet: whole or partial TLS records for Telegram,
            unchanged bytes otherwise. They count as traffic.
        preamble: Sent upstream before everything else: our frame or PROXY header. Doesn't count as traffic.
        ciphers: For Telegram; None relays the bytes as they are.
        idle_timeout: Seconds without a byte taken by either socket after which the relay ends; positive.
        half_closed_timeout: After upstream's end of stream, seconds without a byte taken by upstream after which the
            relay ends; positive. While something is left for the client, a byte that its kernel takes will do. None:
            only `idle_timeout` bounds it.
        delivery_timeout: When one side is lost, seconds without a byte taken by the other's kernel after which the
            relay ends, though something is left; positive. In all it takes no longer than `idle_timeout`.
    """

    client: socket.socket
    upstream: socket.socket
    client_unread: bytes
    preamble: bytes
    ciphers: TelegramCiphers | None
    idle_timeout: float
    half_closed_timeout: float | None = None
    delivery_timeout: float = DELIVERY_TIMEOUT


@dataclass(frozen=True, slots=True)
class RelayResult:
    """The result of a job.

    Attributes:
        from_client_bytes: Written upstream, without the preamble.
        to_client_bytes: Read from upstream.
        reason: Why it ended, one of `RELAY_ENDS`.
    """

    from_client_bytes: int
    to_client_bytes: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class RelayLoad:
    """The current load of a relay.

    Attributes:
        connections: The number of running jobs.
        buffered_bytes: The number of bytes that their receivers haven't taken yet; None if it can't tell.
    """

    connections: int
    buffered_bytes: int | None


class Relay(Protocol):
    """A way to do jobs."""

    def run(self, job: Job, on_traffic: OnTraffic) -> Coroutine[None, None, RelayResult]:
        """Do a job to its end.

        When it is cancelled, it aborts the job, reports the last traffic, and then raises CancelledError. By the
        time it returns or raises, both sockets are closed and `on_traffic` has been told everything.
        """
        ...

    def report(self) -> None:
        """Call each running job's `on_traffic` with its traffic since the last call, if any."""
        ...

    def load(self) -> RelayLoad:
        """Return the current load."""
        ...

    async def close(self) -> None:
        """Release threads and descriptors; no job is running any more."""
        ...
