"""What HTTP needs before anybody is served: a listening socket, and aiohttp. The answers: parts/test_prometheus."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from integration.stage import open_fds
from mtglib.stats import AiohttpIsMissingError, HTTPHandler, serve_http
from support import sockets


def no_handler() -> HTTPHandler:
    raise AssertionError("nobody came")


async def test_socket_that_does_not_listen_is_an_error() -> None:
    with socket.socket() as sock, pytest.raises(OSError) as raised:
        await serve_http(sock, no_handler)
    assert raised.value.errno == errno.EINVAL


async def test_a_missing_aiohttp_is_told_before_anybody_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    told = r"aiohttp isn't installed \(pip install 'mtglib\[metrics\]'\)"
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(AiohttpIsMissingError, match=told):
        await serve_http(listener, no_handler)


async def test_the_callers_socket_stays_open_when_the_handler_cannot_be_made() -> None:
    def fail() -> HTTPHandler:
        raise ValueError("no handler")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        before = open_fds()
        serving = asyncio.create_task(serve_http(listener, fail))
        client = await sockets.connect("127.0.0.1", listener.getsockname()[1])
        with pytest.raises(ValueError, match="no handler"):
            await serving
        sockets.close(client)
        assert (open_fds(), listener.fileno() >= 0) == (before, True)


async def test_a_machine_without_descriptors_is_tried_again() -> None:
    tries: list[int] = []

    def fail() -> HTTPHandler:
        tries.append(len(tries))
        if len(tries) < 2:
            raise OSError(errno.EMFILE, "too many open files")
        raise ValueError("tried again")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(serve_http(listener, fail))
        client = await sockets.connect("127.0.0.1", listener.getsockname()[1])
        with pytest.raises(ValueError, match="tried again"):
            await serving
        sockets.close(client)


SCRIPT = """
import asyncio, json, socket, sys
from mtglib.stats import Prometheus
async def main():
    loaded = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(Prometheus().serve(listener))
        await asyncio.sleep(0)
        loaded.append("aiohttp" in sys.modules)
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\\r\\n\\r\\n")
        await reader.read()
        writer.close()
        loaded.append("aiohttp" in sys.modules)
        serving.cancel()
        await asyncio.wait([serving])
    print(json.dumps(loaded))
asyncio.run(main())
"""


def test_aiohttp_is_imported_when_somebody_comes(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == [False, True]
