"""A proxy and the loop it lives in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvloop

import mtglib
from integration.stage import HOST
from support import sockets

LOOPS = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])


@LOOPS
def test_proxy_may_be_made_before_there_is_a_loop(
    relay: mtglib.RelayChoice, new_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    proxy = mtglib.Proxy(mtglib.ProxyOpts.with_defaults(mtglib.Secret.generate(HOST), relay=relay))

    async def serve() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            async with proxy:
                serving = asyncio.create_task(proxy.serve(listener))
                sock = await sockets.connect(*listener.getsockname())
                sockets.send_eof(sock)
                assert await sockets.recv_until_end(sock) == sockets.Received(b"", "eof")
                sockets.close(sock)
            await serving

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(serve())
