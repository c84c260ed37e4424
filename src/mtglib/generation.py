"""What a proxy's options decide about a handshake.

A stream needs it until its relay begins. A relay may run for days, and mustn't keep the networks and lists of options
that were replaced long ago.
"""

from __future__ import annotations

import asyncio
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
        secrets: The secrets that clients may use.
        client_socket_options: Options of clients' sockets.
        front: Connects visitors to the fronting site.
        handshakes: Who uses it.
    """

    opts: ProxyOpts
    dcs: DCTable
    dc_dialler: DCDialler
    secrets: Sequence[Secret]
    client_socket_options: ClientSocketOptions
    front: Front

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
        return cls(
            opts=opts,
            dcs=opts.dc_table(),
            dc_dialler=DCDialler(
                opts.network,
                opts.dial_timeout,
                shared.warnings,
                previous=None if previous is None else previous.dc_dialler,
            ),
            secrets=(opts.secret,),
            client_socket_options=ClientSocketOptions.of(
                keep_alive=opts.keep_alive, congestion_control=opts.congestion_control
            ),
            front=Front(
                opts,
                listeners,
                shared.relay.report,
                shared.warnings,
                shared.key_shares,
                shared.fine_clock,
                None if previous is None else previous.front,
            ),
            handshakes=Handshakes(),
        )
