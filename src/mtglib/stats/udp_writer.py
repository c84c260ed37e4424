"""Sends lines in datagrams: without waiting, without retries, and without needing a listener."""

from __future__ import annotations

import socket
from typing import Any

from ..ground.name_lookup import NameLookup

# The usual size for statsd: it fits into an Ethernet frame with the headers of IPv6 and UDP, and some reserve.
_DATAGRAM_BYTES = 1432


class UDPWriter:
    """Collects lines and sends them to one address. Lines that can't be sent are lost.

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
        """Look the host up and connect, unless connected; return whether it is connected. May be called again.

        If a call is cancelled, the lookup goes on, and the next call waits for the same one.
        """
        if self._sock is None:
            try:
                answers = await self._lookup.addresses(self._host, self._port, socket.SOCK_DGRAM)
                # Some servers listen at ::1, others at 127.0.0.1: after a failure the next address is tried.
                self._sock = _connected(*answers[self._failures % len(answers)])
            except OSError as error:
                self._fail(error)
        return self._sock is not None

    def add(self, line: bytes) -> None:
        """Add a line, without its newline. If it no longer fits into the datagram, earlier lines are sent first."""
        if self._length_bytes + len(line) > _DATAGRAM_BYTES:
            self.flush()
        self._lines.append(line)
        self._length_bytes += len(line) + 1

    def flush(self) -> None:
        """Send the collected lines."""
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
        """Return the last error since the previous call, or None."""
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
