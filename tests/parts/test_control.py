"""A whole program, asked and changed while clients, visitors and other programs are there."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from examples import control_client

import mtglib
from support import sockets
from support.control import ask, check, connect, parse, read_event, request
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient
from support.front import RecordingFront, listen_only
from support.program import Program, write

SECRET = mtglib.Secret(os.urandom(16), "front.example")


def configuration(folder: Path, dc: FakeDC, front: RecordingFront, top: str = "") -> Path:
    folder.mkdir(exist_ok=True)
    return write(
        folder,
        f'bind-to = "127.0.0.1:0"\nsecret = "{SECRET.base64()}"\ncontrol-socket = "{folder}/mtg.sock"\n{top}\n'
        f'[dc-overrides]\n2 = ["{dc.address}"]\n[defense.front-learning]\nenabled = false\n'
        f'[domain-fronting]\nip = "127.0.0.1"\nport = {front.port}\n',
    )


@asynccontextmanager
async def program_with_a_client_and_a_visitor(
    tmp_path: Path, top: str = ""
) -> AsyncIterator[tuple[str, FakeTLSClient]]:
    async with FakeDC() as dc, RecordingFront(listen_only) as front:
        with Program("run", configuration(tmp_path, dc, front, top)) as program:
            port, socket = program.started(), f"{tmp_path}/mtg.sock"
            async with asyncio.timeout(30), await FakeTLSClient.connect("127.0.0.1", port, SECRET) as client:
                await client.send(b"hello")
                assert await client.recv_exactly(5) == b"hello"
                visitor = await sockets.connect("127.0.0.1", port)
                await sockets.send_all(visitor, b"GET / HTTP/1.1\r\n\r\n")
                try:
                    yield socket, client
                finally:
                    sockets.close(visitor)


async def live(socket: str, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await ask(socket, "GET", f"/v1/connections{query}")).body["connections"]
    return found


async def both(socket: str) -> list[dict[str, Any]]:
    """The client and the visitor, once it is certain who they are and their bytes were counted."""
    while True:
        found = await live(socket)
        if [one["state"] for one in found] == ["telegram", "fronted"] and found[0]["to_client_bytes"]:
            return found


async def counted(socket: str) -> dict[str, Any]:
    """The document of mtg-multi, once the client's first bytes are in it: events take a moment."""
    while True:
        found: dict[str, Any] = (await ask(socket, "GET", "/stats")).body
        if found["users"]["default"]["bytes_out"]:
            return found


async def test_live_connections_are_listed_and_one_is_ended(tmp_path: Path) -> None:
    async with program_with_a_client_and_a_visitor(tmp_path) as (socket, client):
        ours, visitors = await both(socket)
        assert (ours["user"], ours["dc"], ours["from_client_bytes"], ours["to_client_bytes"]) == ("default", 2, 5, 5)
        assert ours["client"].startswith("127.0.0.1:")
        assert (visitors["user"], visitors["dc"]) == ("", 0)
        assert await live(socket, "?user=default") == [ours]
        assert await live(socket, "?user=") == [visitors]
        assert await live(socket, "?user=nobody") == []

        assert (await ask(socket, "DELETE", f"/v1/connections/{ours['id']}")).body == {"id": ours["id"]}
        await client.recv_until_end()
        while ours["id"] in [one["id"] for one in await live(socket)]:
            pass
        assert (await ask(socket, "DELETE", f"/v1/connections/{ours['id']}")).status == 404


async def test_health_and_traffic_are_as_seen_last(tmp_path: Path) -> None:
    async with program_with_a_client_and_a_visitor(tmp_path) as (socket, _):
        await both(socket)
        stats = await counted(socket)
        status = (await ask(socket, "GET", "/v1/status")).body
    assert (status["clients"], status["limits"]["connections"]["now"]) == (1, 2)
    (dc,) = status["dcs"]
    assert (dc["dc"], dc["failed_unix"]) == (2, None)
    assert status["started_unix"] <= dc["connected_unix"]
    assert status["memory_bytes"] > 2**20
    user = stats["users"].pop("default")
    assert (user["connections"], user["bytes_in"], user["bytes_out"], stats["total_connections"]) == (1, 5, 5, 1)
    assert user["last_seen"].endswith("Z")


async def test_masked_addresses_are_masked_here_too(tmp_path: Path) -> None:
    async with program_with_a_client_and_a_visitor(tmp_path, "mask-client-addresses = true") as (socket, _):
        assert {one["client"] for one in await both(socket)} == {"127.0.0.0/24"}


async def test_events_of_a_client_can_be_followed(tmp_path: Path) -> None:
    async with program_with_a_client_and_a_visitor(tmp_path) as (socket, client):
        ours, _ = await both(socket)
        await counted(socket)
        reader, writer = await connect(socket)
        writer.write(request("GET", "/v1/events"))
        await reader.readuntil(b": events follow\n")
        await client.send(b"more")
        assert await client.recv_exactly(4) == b"more"
        client.send_eof()
        moved = {True: 0, False: 0}
        name, data = await read_event(reader)
        while name != "finish":
            assert (name, data["stream_id"]) == ("traffic", ours["id"])
            moved[data["is_read"]] += data["traffic_bytes"]
            name, data = await read_event(reader)
        assert data["stream_id"] == ours["id"]
        assert (data["reason"], data["dc"]) == ("client_eof", 2)
        assert moved in ({True: 4, False: 4}, {True: 9, False: 9}), "what came before may be told late"
        writer.close()


async def test_two_programs_want_one_socket(tmp_path: Path) -> None:
    async with FakeDC() as dc, RecordingFront(listen_only) as front:
        config, environment = configuration(tmp_path, dc, front), {"RUNTIME_DIRECTORY": str(tmp_path)}
        with Program("run", config) as first:
            first.started()
            with Program("run", config) as second:
                code = await asyncio.to_thread(second.exit_code)
                (line,) = second.last_words()
            assert code == 1
            assert line.startswith(
                f"mtg: {config}: control-socket: can't listen on {tmp_path}/mtg.sock: another program"
            )

            (other := tmp_path / "other").mkdir()
            unnamed = "\n".join(line for line in config.read_text().splitlines() if "control-socket" not in line)
            with Program("run", write(other, unnamed), environment=environment) as third:
                warning = third.read_until("control-socket: can't listen on")
                assert warning["level"] == "warn"
                third.started()
                third.send(signal.SIGTERM)
                assert (await asyncio.to_thread(third.wait))[0] == 0
            assert (await ask(f"{tmp_path}/mtg.sock", "GET", "/v1/status")).body["config"] == str(config)


def test_a_killed_programs_socket_is_replaced(tmp_path: Path) -> None:
    config = write(
        tmp_path, f'bind-to = "127.0.0.1:0"\nsecret = "{SECRET.hex()}"\ncontrol-socket = "{tmp_path}/mtg.sock"\n'
    )
    for _ in range(2):
        with Program("run", config) as program:
            program.started()
            status, found = control_client.ask(f"{tmp_path}/mtg.sock", "GET", "/v1/status")
            assert (status, found["phase"]) == (200, "running")
            program.send(signal.SIGKILL)


def test_the_example_asks_and_says_whether_it_worked(tmp_path: Path) -> None:
    config = write(
        tmp_path, f'bind-to = "127.0.0.1:0"\nsecret = "{SECRET.hex()}"\ncontrol-socket = "{tmp_path}/mtg.sock"\n'
    )
    with Program("run", config) as program:
        program.started()
        for arguments, code in ((("POST", "/v1/reload"), 0), (("DELETE", "/v1/connections/a"), 1)):
            command = [sys.executable, control_client.__file__, f"{tmp_path}/mtg.sock", *arguments]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (code, "")
            assert ("error" in json.loads(done.stdout)) == bool(code)


@pytest.mark.parametrize("place", ["missing/mtg.sock", "file/mtg.sock", "x" * 108])
def test_a_socket_that_cannot_be_there_is_one_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    config = write(
        tmp_path, f'bind-to = "127.0.0.1:0"\nsecret = "{SECRET.hex()}"\ncontrol-socket = "{tmp_path}/{place}"\n'
    )
    with Program("run", config) as program:
        assert program.exit_code() in (1, 2)
        (line,) = program.last_words()
    assert line.startswith(f"mtg: {config}: control-socket: ")


def test_a_description_of_an_answer_is_strict() -> None:
    with pytest.raises(Exception, match="additional"):
        check("GET", "/v1/connections", parse(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"a":1}'))
