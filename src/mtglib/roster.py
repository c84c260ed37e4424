"""The live connections: lists, counts and ends them, and chooses the one to evict when there are too many.

A visitor is a connection that isn't authenticated yet, or that is relayed to the fronting site. Visitors have a limited
share of all connections, so that they can't crowd out clients. When that is full, a visitor of the network with the
most visitors is evicted; `crowd` says which. If all networks have few visitors, it is one of all of them. It is never
the new connection: many clients may share one address, and a handshake takes milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from .crowd import Crowd
from .ground.endpoints import Endpoint
from .reasons import Reason
from .users.account import Account
from .visitor import Visitor

_FEW_VISITORS = 8
_FEW_OF_ALL = 4
"""Up to this many visitors, or this part of all that there may be, a network's size is ignored.

A few clients may connect at once through one address. And whoever has many networks could otherwise fill each of them
up to the size of a client's, and then evict that client's visitors, few as they are, with a few connections a second.
"""

_NetworkKey: TypeAlias = int | None  # None: all visitors without an address together


class State(StrEnum):
    """What a connection is doing."""

    HANDSHAKE = "handshake"
    FRONTED = "fronted"
    TELEGRAM = "telegram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A snapshot of a live connection.

    Attributes:
        stream_id: The stream id, as in its events.
        client: The client's address; None if the socket has no IP address. Until a PROXY header has come that was asked
            for, it is the balancer's.
        user: The user whose secret the client used; empty for a visitor.
        state: What the connection is doing.
        dc: The DC's positive number; 0 as long as no DC is known.
        since_unix: When it was accepted, Unix seconds.
        from_client_bytes, to_client_bytes: Bytes relayed in each direction; up to a second old.
    """

    stream_id: str
    client: Endpoint | None
    user: str
    state: State
    dc: int
    since_unix: float
    from_client_bytes: int
    to_client_bytes: int


class Entry:
    """A live connection; its stream updates it.

    Attributes:
        stream_id, visitor, since_unix, state, dc: As in `Connection`.
        account: The client's; None for a visitor.
        from_client_bytes, to_client_bytes: As in `Connection`.
        end_reason: Why it was told to end; None if it wasn't.
        counted: Whether it counts for the limits: connections of `serve_conn` and evicted ones don't.
        network: The visitor's network; None as long as it isn't known.
        has_begun: Whether its task has taken its first step.
        is_past_the_end: Whether the site has ended its side.
        is_over: Whether it has left the roster.
        task: The task of its stream; None until it is in the roster.
    """

    __slots__ = (
        *(
            "account",
            "counted",
            "dc",
            "end_reason",
            "from_client_bytes",
            "has_begun",
            "is_over",
            "is_past_the_end",
            "network",
        ),
        *("since_unix", "state", "stream_id", "task", "to_client_bytes", "visitor"),
    )

    def __init__(self, stream_id: str, visitor: Visitor, since_unix: float) -> None:
        self.stream_id = stream_id
        self.visitor = visitor
        self.network = visitor.network
        self.since_unix = since_unix
        self.state = State.HANDSHAKE
        self.account: Account | None = None
        self.dc = 0
        self.from_client_bytes = 0
        self.to_client_bytes = 0
        self.end_reason: Reason | None = None
        self.counted = True
        self.has_begun = False
        self.is_over = False
        self.is_past_the_end = False
        self.task: asyncio.Task[None] | None = None

    @property
    def user(self) -> str:
        """The name of the client's user; empty for a visitor."""
        return "" if self.account is None else self.account.user.name

    def end(self, reason: Reason) -> None:
        """Make the stream end soon. The first reason counts; only a shutdown cancels the task again."""
        if self.end_reason is not None and reason is not Reason.SHUTDOWN:
            return
        self.end_reason = self.end_reason or reason
        # A task that is cancelled before its first step never runs, so it would close nothing. Such a task checks
        # `end_reason` itself.
        if self.has_begun and self.task is not None:
            self.task.cancel()


class Roster:
    """All live connections of a proxy.

    Args:
        concurrency: The most connections that count for the limits.
        visitors: The most visitors among them.
        per_network: The most visitors of one network, once there are three quarters of `visitors`.

    Attributes:
        counted: The number of connections that count against `concurrency`.
    """

    def __init__(self, concurrency: int, visitors: int, per_network: int) -> None:
        self.limit(concurrency, visitors, per_network)
        self._entries: dict[str, Entry] = {}
        self._all_visitors: Crowd[Entry] = Crowd()
        self._networks: dict[_NetworkKey, Crowd[Entry]] = {}
        self._by_size: dict[int, dict[_NetworkKey, None]] = {}
        self._largest = 0
        self.counted = 0

    def limit(self, concurrency: int, visitors: int, per_network: int) -> None:
        """Change the limits. If there are too many connections by now, they become fewer as they end."""
        self._concurrency = concurrency
        self._most_visitors = visitors
        self._crowded = visitors - visitors // 4
        self._per_network = per_network

    @property
    def visitors(self) -> int:
        """The current number of visitors."""
        return len(self._all_visitors)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All live connections, oldest first."""
        return tuple(self._entries.values())

    def get(self, stream_id: str) -> Entry | None:
        """Find a connection by its stream id."""
        return self._entries.get(stream_id)

    def connections(self) -> Iterator[Connection]:
        """Describe the live connections, oldest first; one that ends before it is reached is left out."""
        for entry in self.entries:
            if not entry.is_over:
                yield Connection(
                    stream_id=entry.stream_id,
                    client=entry.visitor.client,
                    user=entry.user,
                    state=entry.state,
                    dc=entry.dc,
                    since_unix=entry.since_unix,
                    from_client_bytes=entry.from_client_bytes,
                    to_client_bytes=entry.to_client_bytes,
                )

    @property
    def is_full(self) -> bool:
        """Whether the limit of connections is reached."""
        return self.counted >= self._concurrency

    def visitor_to_evict(self, network: _NetworkKey) -> Entry | None:
        """Return the visitor to evict before another one of `network` is let in; None if there is none, or no need."""
        visitors = len(self._all_visitors)
        if not visitors:
            return None
        if visitors >= self._crowded and network is not None:
            own = self._networks.get(network)
            if own is not None and len(own) >= self._per_network:
                return own.next_to_go()
        if visitors >= self._most_visitors or self.counted >= self._concurrency:
            return self.next_visitor_to_go()
        return None

    def next_visitor_to_go(self) -> Entry | None:
        """Return the next visitor to evict, whatever the new one's network; None if there are no visitors."""
        few = self._largest <= max(_FEW_VISITORS, self._most_visitors // _FEW_OF_ALL)
        largest = self._all_visitors if few else self._networks[next(iter(self._by_size[self._largest]))]
        return largest.next_to_go()

    def add(self, entry: Entry) -> None:
        """Add a connection; it is a visitor until `authenticated`."""
        self._entries[entry.stream_id] = entry
        if entry.counted:
            self.counted += 1
            network = self._networks.get(entry.network)
            if network is None:
                network = self._networks[entry.network] = Crowd()
            network.add(entry)
            self._all_visitors.add(entry)
            size = len(network)
            self._resize(entry.network, size - 1, size)

    def authenticated(self, entry: Entry) -> None:
        """Note that the connection is a client's: it no longer counts as a visitor."""
        self._leave_visitors(entry)

    def fronted(self, entry: Entry) -> None:
        """Note that the visitor is about to be connected to the site."""
        entry.state = State.FRONTED
        for crowd in self._crowds_of(entry):
            crowd.fronted(entry)

    def touch(self, entry: Entry) -> None:
        """Note traffic on the connection."""
        for crowd in self._crowds_of(entry):
            crowd.touch(entry)

    def past_the_end(self, entry: Entry) -> None:
        """Note that the site has ended its side: this is the next of its network to evict, despite further traffic."""
        entry.is_past_the_end = True
        for crowd in self._crowds_of(entry):
            crowd.past_the_end(entry)

    def withdraw(self, entry: Entry) -> None:
        """Take a connection out of the limits until it is added again: its network is about to be known."""
        self._discount(entry)
        entry.counted = True

    def evict(self, entry: Entry) -> None:
        """End a visitor. Its place is free immediately; it is listed until it has ended."""
        self._discount(entry)
        entry.end(Reason.EVICTED)

    def remove(self, entry: Entry) -> None:
        """Remove a connection that has ended. May be called again."""
        entry.is_over = True
        entry.task = None  # an error that it ended with refers to the stream, and to all that the stream has read
        self._entries.pop(entry.stream_id, None)
        self._discount(entry)

    def _discount(self, entry: Entry) -> None:
        if entry.counted:
            entry.counted = False
            self.counted -= 1
            self._leave_visitors(entry)

    def _leave_visitors(self, entry: Entry) -> None:
        if entry not in self._all_visitors:
            return
        network = self._networks[entry.network]
        network.remove(entry)
        self._all_visitors.remove(entry)
        size = len(network)
        self._resize(entry.network, size + 1, size)
        if not size:
            del self._networks[entry.network]

    def _crowds_of(self, entry: Entry) -> tuple[Crowd[Entry], ...]:
        """Return the two crowds that a visitor is in; none for a client."""
        return (self._networks[entry.network], self._all_visitors) if entry in self._all_visitors else ()

    def _resize(self, network: _NetworkKey, before: int, now: int) -> None:
        """Sort networks by their number of visitors, so that the one with the most is found at once."""
        if before:
            same_size = self._by_size[before]
            del same_size[network]
            if not same_size:
                del self._by_size[before]
                if before == self._largest:
                    self._largest = now  # sizes change by one: either it has grown, or it is still the largest
        if now:
            same_size_now = self._by_size.get(now)
            if same_size_now is None:
                same_size_now = self._by_size[now] = {}
            same_size_now[network] = None
            self._largest = max(self._largest, now)
