"""What a proxy's options decide about a handshake.

A stream needs it until its relay begins. A relay may run for days, and mustn't keep the networks and lists of options
that were replaced long ago.
"""

from __future__ import annotations

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
    """

    opts: ProxyOpts
    dcs: DCTable
    dc_dialler: DCDialler
    keys: KeySearch
    client_socket_options: ClientSocketOptions
    fronts: Fronts

    @classmethod
    def of(cls, opts: ProxyOpts, shared: Shared, listeners: Collection[socket.socket]) -> Self:
        """Make one.

        Args:
            opts: The options; later changes to the object have an effect.
            shared: The proxy's.
            listeners: The sockets that the proxy accepts on.
        """
        users = Users([User(DEFAULT_USER, opts.checked_secret)]) if opts.users is None else opts.users
        candidates = Candidates(users)
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
            dc_dialler=DCDialler(opts.network, opts.dial_timeout, shared.warnings),
            keys=KeySearch(candidates),
            client_socket_options=ClientSocketOptions.of(
                keep_alive=opts.keep_alive, congestion_control=opts.congestion_control
            ),
            fronts=Fronts(opts.default_host, candidates, make_front),
        )
