"""What a proxy's options decide about a handshake.

A stream needs it until its relay begins. A relay may run for days, and mustn't keep the networks and lists of options
that were replaced long ago.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Self

from .client_socket import ClientSocketOptions
from .dc import DCTable
from .dc_dialler import DCDialler
from .front.dial import Front
from .options import ProxyOpts
from .secret import Secret
from .shared import Shared


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Generation:
    """One set of options, and what was made of it.

    Attributes:
        opts: The options.
        dcs: The DC table of `opts`.
        dc_dialler: Connects to them.
        secrets: The secrets that clients may use.
        client_socket_options: Options of clients' sockets.
        front: Connects visitors to the fronting site.
    """

    opts: ProxyOpts
    dcs: DCTable
    dc_dialler: DCDialler
    secrets: Sequence[Secret]
    client_socket_options: ClientSocketOptions
    front: Front

    @classmethod
    def of(cls, opts: ProxyOpts, shared: Shared, listeners: Collection[socket.socket]) -> Self:
        """Make one.

        Args:
            opts: The options; later changes to the object have an effect.
            shared: The proxy's.
            listeners: The sockets that the proxy accepts on.
        """
        return cls(
            opts=opts,
            dcs=opts.dc_table(),
            dc_dialler=DCDialler(opts.network, opts.dial_timeout, shared.warnings),
            secrets=(opts.secret,),
            client_socket_options=ClientSocketOptions.of(
                keep_alive=opts.keep_alive, congestion_control=opts.congestion_control
            ),
            front=Front(opts, listeners, shared.relay.report, shared.warnings, shared.key_shares, shared.fine_clock),
        )
