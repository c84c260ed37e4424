"""Lines in datagrams: nothing waits, nothing is sent twice, and nobody needs to listen."""

from __future__ import annotations

import socket
from typing import Any

from ..ground.name_lookup import NameLookup

# What fits into an Ethernet frame with IPv6's and UDP's headers, and some more: usual for statsd.
_DATAGRAM_BYTES = 1432


class UDPWriter:
    """Gathers lines and sends them to one address. What can't be sent is lost.

    Args:
        host: A name or an IP address.
        port: A UDP port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._failures = 0
        self._sock: socket.socket | None = None
        self._error: OSError | None = None
        self._lookup = NameLookup("mtg-statsd")
        self._lines: list[bytes] = []
        self._length_bytes = 0

    async def connect(self) -> bool:
        """Look the host up and connect, unless that is done; tell whether it is. May be tried again.

        Who gives up waiting leaves the look-up behind, and who tries again waits for the same one.
        """
        if self._sock is None:
            try:
                answers = await self._lookup.addresses(self._host, self._port, socket.SOCK_DGRAM)
                # localhost is ::1 for some and 127.0.0.1 for others: after a failure it's the next one's turn.
                self._sock = _connected(*answers[self._failures % len(answers)])
            except OSError as error:
                self._fail(error)
        return self._sock is not None

    def add(self, line: bytes) -> None:
        """Take a line without its end; what doesn't fit into a datagram any more is sent first."""
        if self._length_bytes + len(line) > _DATAGRAM_BYTES:
            self.flush()
        self._lines.append(line)
        self._length_bytes += len(line) + 1

    def flush(self) -> None:
        """Send what was gathered."""
        lines, self._lines, self._length_bytes = self._lines, [], 0
        if self._sock is None or not lines:
            return
        try:
            self._sock.send(b"\n".join(lines))
        except BlockingIOError:
            pass  # the system's buffer is full
        except OSError as error:
            self._fail(error)
            self.close()  # nobody listens there; the host may have another address by now

    def take_error(self) -> OSError | None:
        """Return the last thing that went wrong since this was asked before, if anything did."""
        error, self._error = self._error, None
        return error

    def close(self) -> None:
        """Close the socket; `connect` opens another one."""
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _fail(self, error: OSError) -> None:
        self._failures += 1
        self._error = error


def _connected(
    family: socket.AddressFamily, kind: socket.SocketKind, protocol: int, _name: str, address: Any
) -> socket.socket:
    sock = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
    try:
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock
