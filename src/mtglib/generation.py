"""What a proxy's options decide about a handshake.

A stream needs it until its relay begins. A relay may run for days, and mustn't keep the networks and lists of options
that were replaced long ago.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Self

from .client_socket import ClientSocketOptions
from .dc import DCTable
from .dc_dialler import DCDialler
from .front.dial import Front
from .front.fronts import Fronts
from .key_search import KeySearch
from .options import ProxyOpts
from .page_urls import parse_page_urls
from .shared import Shared
from .users import DEFAULT_USER, User, Users
from .users.candidates import Candidates


class Handshakes:
    """Counts the handshakes that use a generation, and tells when there are none any more."""

    def __init__(self) -> None:
        self._count = 0
        self._over: asyncio.Future[None] | None = None

    def began(self) -> None:
        """Count one more."""
        self._count += 1

    def ended(self) -> None:
        """Count one less."""
        self._count -= 1
        self._tell()

    def over(self) -> asyncio.Future[None]:
        """Return what is done once there are none; no more may begin then."""
        if self._over is None:
            self._over = asyncio.get_running_loop().create_future()
        self._tell()
        return self._over

    def _tell(self) -> None:
        if not self._count and self._over is not None and not self._over.done():
            self._over.set_result(None)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Generation:
    """One set of options, and what was made of it.

    Attributes:
        opts: The options.
        dcs: The DC table of `opts`.
        dc_dialler: Connects to them.
        keys: The keys of the users.
        client_socket_options: Options of clients' sockets.
        fronts: The fronting sites.
        handshakes: Who uses it.
    """

    opts: ProxyOpts
    dcs: DCTable
    dc_dialler: DCDialler
    keys: KeySearch
    client_socket_options: ClientSocketOptions
    fronts: Fronts
    handshakes: Handshakes

    @classmethod
    def of(
        cls, opts: ProxyOpts, shared: Shared, listeners: Collection[socket.socket], previous: Generation | None = None
    ) -> Self:
        """Make one. It changes nothing of what is there already.

        Args:
            opts: The options; later changes to the object have an effect.
            shared: The proxy's.
            listeners: The sockets that the proxy accepts on.
            previous: The one that it will replace: what that has learnt is known to this one.
        """
        keys = _make_keys(opts, previous)
        make_front = partial(
            Front,
            opts=opts,
            pages=parse_page_urls(opts.record_urls, opts.sites()),
            listeners=listeners,
            refresh=shared.relay.report,
            warnings=shared.warnings,
            key_shares=shared.key_shares,
            clock=shared.fine_clock,
        )
        return cls(
            opts=opts,
            dcs=opts.dc_table(),
            dc_dialler=DCDialler(
                opts.network,
                opts.dial_timeout,
                shared.warnings,
                previous=None if previous is None else previous.dc_dialler,
            ),
            keys=keys,
            client_socket_options=ClientSocketOptions.of(
                keep_alive=opts.keep_alive, congestion_control=opts.congestion_control
            ),
            fronts=Fronts(
                opts.default_host, keys.candidates, make_front, None if previous is None else previous.fronts
            ),
            handshakes=Handshakes(),
        )


def _make_keys(opts: ProxyOpts, previous: Generation | None) -> KeySearch:
    if opts.users is None:
        return KeySearch(Candidates(Users([User(DEFAULT_USER, opts.checked_secret)])))
    if previous is not None and previous.opts.users is opts.users:
        return previous.keys  # it knows who came last from each network
    return KeySearch(Candidates(opts.users))
