"""asyncio streams over a connected socket."""

from __future__ import annotations

import asyncio
import socket


async def streams_over(
    sock: socket.socket, reader: asyncio.StreamReader | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Take over a connected socket, blocking or not; the writer's transport closes it, and so does an error here."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader() if reader is None else reader
    protocol = asyncio.StreamReaderProtocol(reader)
    try:
        sock.setblocking(False)
        transport, _ = await loop.create_connection(lambda: protocol, sock=sock)
    except BaseException:
        sock.close()
        raise
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
