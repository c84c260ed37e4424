"""A process that passes on the pieces of TCP connections, both ways, after a while: see slow_wire.py."""

from __future__ import annotations

import asyncio
import random
import sys

_PIECE_BYTES = 64 * 1024


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float, spread: float) -> None:
    """Pass one direction on, in order, and its end."""
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        data = b"-"
        while data:
            due_mono, data = await pieces.get()
            await asyncio.sleep(due_mono - loop.time())
            writer.write(data) if data else writer.write_eof()

    async with asyncio.TaskGroup() as group:
        group.create_task(deliver())
        data = b"-"
        while data:
            data = await reader.read(_PIECE_BYTES)
            pieces.put_nowait((loop.time() + seconds + spread * random.random(), data))


async def _main(port: int, target_port: int, seconds: float, spread: float) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target_port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_carry(reader, far_writer, seconds, spread))
                group.create_task(_carry(far_reader, writer, seconds, spread))
        except* OSError:
            pass
        for each in (writer, far_writer):
            each.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    port, target_port, seconds, spread = sys.argv[1:]
    asyncio.run(_main(int(port), int(target_port), float(seconds), float(spread)))
