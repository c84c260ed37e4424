"""Lets connections in that a balancer passes on: each begins with a PROXY header, which names the client.

Lists, limits and events are for the client, so they wait for the header. Until it is there, the connection counts as a
visitor without a network, so it may be evicted for another one; after that it counts for the client's network.
"""

from __future__ import annotations

import asyncio
import socket

from .conn import Conn
from .entrance import Entrance
from .errors import ClientError
from .generation import Generation
from .ground.reset import reset
from .reasons import Reason
from .roster import Entry
from .shared import Shared
from .stream import Stream
from .visitor import Visitor
from .wire.proxy_protocol import parse_header


class ProxiedEntrance:
    """Takes the connections of trusted peers.

    Args:
        shared: The proxy's.
        generation: For the connections that it takes.
        entrance: Decides about them once their clients are known.
    """

    def __init__(self, shared: Shared, generation: Generation, entrance: Entrance) -> None:
        self._shared = shared
        self._generation = generation
        self._entrance = entrance
        self._trusted = generation.opts.trusted_networks()

    def trusts(self, peer: Visitor) -> bool:
        """Return whether a connection from there begins with a header. Unix sockets have permissions instead."""
        if self._trusted is None or peer.ip is None:
            return True
        return any(peer.ip in network for network in self._trusted)

    def take(self, sock: socket.socket, peer: Visitor) -> None:
        """Serve a connection, if there is room."""
        if not self._entrance.has_room(peer.ip, None):
            sock.close()
            return
        conn = Conn(sock, self._shared.readiness)
        stream = Stream(self._shared, self._generation, conn, peer)
        entry = stream.entry
        entry.network = None
        entry.task = self._shared.readiness.loop.create_task(self._run(stream, conn))
        self._shared.roster.add(entry)

    async def _run(self, stream: Stream, conn: Conn) -> None:
        """Wait for the header; from then on it is a stream like others, even if only to report how it ended."""
        entry = stream.entry
        entry.has_begun = True
        try:
            if entry.end_reason is None and not self._admits(entry, await self._find_client(conn, entry.visitor)):
                conn.close()
                self._shared.roster.remove(entry)
                stream.leave_generation()
                return
        except ClientError as error:
            self._note_failure(entry, error)
            reset(conn.detach()[0])
            entry.end_reason = error.reason
        except OSError:
            entry.end_reason = Reason.CLIENT_RESET
        except asyncio.CancelledError:
            entry.end_reason = entry.end_reason or Reason.SHUTDOWN
        except Exception as error:
            entry.end_reason = Reason.ERROR
            self._shared.warnings.warn("PROXY header", "internal error in a connection", error=error)
        del self  # it has the generation, which no relay may keep
        await stream.run()

    async def _find_client(self, conn: Conn, peer: Visitor) -> Visitor:
        """Read the header; what follows it stays in `unread`.

        Raises:
            ClientError: PROXY_HEADER, or CLOSED if the peer leaves without a byte, as health checks do.
            OSError: The connection is broken.
        """
        deadline_mono = self._shared.readiness.loop.time() + self._generation.opts.handshake_timeout
        try:
            while (header := parse_header(conn.unread)) is None:
                if not await conn.receive_more(deadline_mono):
                    if not conn.unread:
                        raise ClientError(Reason.CLOSED, "the peer left without a PROXY header")
                    raise ClientError(Reason.PROXY_HEADER, "the peer left before its PROXY header was complete")
        except TimeoutError:
            raise ClientError(Reason.PROXY_HEADER, "no complete PROXY header in time") from None
        conn.take(header.length_bytes)
        if header.source is None:
            return peer
        return Visitor(header.source, lambda: header.destination)

    def _admits(self, entry: Entry, visitor: Visitor) -> bool:
        """Decide as if the connection had come only now, when lists and limits can know whose it is."""
        self._shared.roster.withdraw(entry)
        entry.visitor, entry.network = visitor, visitor.network
        if not self._entrance.admits(visitor):
            return False
        self._shared.roster.add(entry)
        return True

    def _note_failure(self, entry: Entry, error: ClientError) -> None:
        """Count and log a connection whose client stays unknown."""
        self._shared.visitor_log.came(entry.visitor.network, error.reason)
        logger, ip = self._shared.logger, entry.visitor.ip
        if logger.debug_enabled:
            logger.bind(stream_id=entry.stream_id, client_ip=ip and str(ip)).debug(f"visitor: {error}")
