"""A proxy belongs to one event loop and one process, and says so elsewhere."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest
import uvloop

import mtglib
from mtglib.errors import ProxyUseError
from mtglib.ground.affinity import Affinity
from support.running_proxy import EventRecorder

FORK = """
import asyncio, os, socket, mtglib

async def main():
    proxy = mtglib.Proxy(mtglib.ProxyOpts.with_defaults(mtglib.Secret.generate("front.example"), relay="pure"))
    listener = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(proxy.serve(listener))
    await asyncio.sleep(0)
    if os.fork() == 0:
        ours, peer = socket.socketpair()
        for use in (proxy.serve(socket.create_server(("127.0.0.1", 0))), proxy.serve_conn(ours), proxy.shutdown()):
            try:
                use.send(None)
            except mtglib.MtglibError as error:
                print(type(error).__name__, error, flush=True)
        print(ours.fileno(), flush=True)
        os._exit(0)
    os.wait()
    await proxy.shutdown()
    await serving
    print("shut down")

asyncio.run(main())
"""


def test_after_a_fork_it_says_so() -> None:
    told = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60).stdout
    error = "ProxyUseError this proxy was used before a fork; make a new one in the child"

    assert told.splitlines() == [error, error, error, "-1", "shut down"]


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_in_a_second_event_loop_it_says_so(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    events = EventRecorder()
    secret = mtglib.Secret.generate("front.example")
    proxy = mtglib.Proxy(mtglib.ProxyOpts.with_defaults(secret, event_stream=events, relay="pure"))

    async def visit() -> None:
        ours, peer = socket.socketpair()
        peer.close()
        try:
            await proxy.serve_conn(ours)
        finally:
            assert ours.fileno() == -1

    async def use() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            for using in (proxy.serve(listener), visit(), proxy.shutdown()):
                with pytest.raises(ProxyUseError, match="belongs to another event loop"):
                    await using

    with asyncio.Runner(loop_factory=new_loop) as here, asyncio.Runner(loop_factory=new_loop) as elsewhere:
        here.run(visit())
        elsewhere.run(use())
        here.run(visit())
        here.run(proxy.shutdown())
    assert [type(event).__name__ for event in events.events] == ["EventStart", "EventFinish"] * 2


def test_it_is_here_in_its_own_loop_only() -> None:
    async def made() -> Affinity:
        return Affinity("thing")

    async def is_here(affinity: Affinity) -> bool:
        return affinity.is_here

    with asyncio.Runner() as here, asyncio.Runner() as elsewhere:
        affinity = here.run(made())
        assert here.run(is_here(affinity))
        assert not elsewhere.run(is_here(affinity))
