"""The whole interface between the proxy and its relays, as data."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from ..reasons import Reason
from ..wire.aes_ctr import CipherState
from ..wire.tls_records import FULL_RECORD_BYTES

OnTraffic: TypeAlias = Callable[[int, int, bool], None]
"""Called with bytes (from client, to client) since the last call, and whether upstream has ended its side by now (or is
lost). That is about once a second, when somebody asks (`Relay.report`), and at the end; always because one of the three
has changed."""

DELIVERY_TIMEOUT = 30.0
"""See `Job.delivery_timeout`."""

READ_AHEAD_BYTES = 16 * 1024
"""How much nginx reads at once. It leaves what is behind that in the kernel, so that closing resets the client. A relay
that has read more resets a client of which it got more than this behind the header of a bad record."""


class TelegramCiphers(NamedTuple):
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


class TimedRecord(NamedTuple):
    """A record that a site has sent.

    Attributes:
        size_bytes: The length of its payload, 1 to 16 401.
        pause_seconds: How long nothing came before it; not negative.
    """

    size_bytes: int
    pause_seconds: float


class PageRecords(NamedTuple):
    """The records in which a site has sent a page over a new connection.

    Attributes:
        records: All of them, from the end of the handshake on.
        opening: How many of them came before the page, without being asked for: session tickets, the settings of
            HTTP/2. It isn't all of them.
    """

    records: tuple[TimedRecord, ...]
    opening: int


@dataclass(frozen=True, slots=True)
class Shape:
    """How the bytes for a Telegram client are cut into records, and when these are sent.

    A size is that of a record's payload, which is what its header says. Nothing is padded: where bytes run out, a
    record is shorter.

    Attributes:
        drs: Dynamic record sizing, with the sizes that an observer sees of a server with Cloudflare's patch for nginx
            and TLS 1.3: 40 records of 1386 bytes, which fit into a segment, then 40 of 4246, which fit into three, then
            full ones of 16 401; from the start again after a second without a byte sent. docs/adr/0020 says why.
        pages: What a site has sent. A connection begins with the sizes and pauses of one page, drawn at random, with
            its opening. Another page follows, without one, when that is over, and after each second without a byte
            sent. Where there are some, `drs` has no effect.

    No pause is longer than what was sent just before takes at 20 Mbit/s, and none is longer than 26 ms. A page's record
    waits as long for the bytes that it lacks, and no longer. docs/adr/0022 says why.

    Raises:
        ValueError: A size or a pause is out of bounds, or a page is empty.
    """

    drs: bool = False
    pages: tuple[PageRecords, ...] = ()

    def __post_init__(self) -> None:
        for page in self.pages:
            if not 0 <= page.opening < len(page.records):
                raise ValueError("pages: expected pages of at least one record")
            for size_bytes, pause_seconds in page.records:
                if not 1 <= size_bytes <= FULL_RECORD_BYTES:
                    raise ValueError(f"pages: expected records of 1 to {FULL_RECORD_BYTES} bytes")
                if not 0 <= pause_seconds < math.inf:
                    raise ValueError("pages: expected pauses in seconds, none negative")


DRS = Shape(drs=True)
"""Dynamic record sizing, and nothing learnt."""


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
            relay ends, though something is left; positive. In all it takes no longer than `idle_timeout`. A client's
            bytes and a DC's are left until they are acknowledged. Those between a visitor and its site are left until
            they are sent, as a site's own kernel resets a visitor without waiting; behind a FIN, until they are
            acknowledged, as only then a visitor's kernel heeds that reset.
        shape: The client's records, for Telegram; None: full ones, each sent at once.
        not_sent_low_water_bytes: The most unsent bytes that the kernel may hold for either peer, positive. A lower
            limit of a socket stays. None leaves it to the sockets.
    """

    client: socket.socket
    upstream: socket.socket
    client_unread: bytes
    preamble: bytes
    ciphers: TelegramCiphers | None
    idle_timeout: float
    half_closed_timeout: float | None = None
    delivery_timeout: float = DELIVERY_TIMEOUT
    shape: Shape | None = None
    not_sent_low_water_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RelayResult:
    """The result of a job.

    Attributes:
        from_client_bytes: Written upstream, without the preamble.
        to_client_bytes: Read from upstream.
        reason: Why it ended, one of `RELAY_ENDS`.
        first_byte_seconds: The time from its start to the first bytes from upstream; None if none came.
    """

    from_client_bytes: int
    to_client_bytes: int
    reason: Reason
    first_byte_seconds: float | None = field(default=None, compare=False)


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
