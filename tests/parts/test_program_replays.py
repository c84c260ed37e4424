"""The program's memory of hellos: over restarts, kills and configurations, between real clients and sites."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import mtglib
from mtglib.antireplay.entries import FINGERPRINT_BYTES, KEY_BYTES
from mtglib.antireplay.journal_format import Header, pack_block, pack_header
from support import sockets
from support.client_hello import hello_records, restamp_hello
from support.fake_dc import FakeDC
from support.faketls_client import ClientOptions, FakeTLSClient
from support.front import RecordingFront, answer
from support.metrics_page import value
from support.ports import free_port
from support.program import Program, write
from support.without_engine import IMPORT_NOTHING_NATIVE

SECRET = mtglib.Secret(os.urandom(16), "front.example")
SITE = b"a site's answer"
WITHOUT_ENGINE = f"{IMPORT_NOTHING_NATIVE}; from mtg.cli import main; main()"


@dataclass
class Place:
    """Where a program runs, with its data centre and its site."""

    folder: Path
    dc: FakeDC
    site: RecordingFront

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def kept(self) -> Path:
        """Where hellos are when the state directory is the default one."""
        return self.state / "mtg" / "replay"

    def program(self, top: str = "", sections: str = "", **more: Any) -> Program:
        text = f'bind-to = "127.0.0.1:0"\nsecret = "{SECRET.base64()}"\n{top}\n'
        text += f'[domain-fronting]\nip = "127.0.0.1"\nport = {self.site.port}\n'
        text += f'[dc-overrides]\n2 = ["{self.dc.address}"]\n{sections}\n'
        text += "[defense.front-learning]\nenabled = false\n"
        return Program("run", write(self.folder, text), environment={"XDG_STATE_HOME": str(self.state)}, **more)

    def keep(self, *written_unix: int) -> None:
        """Leave a file of an earlier life with a block of two hellos for each of these times."""
        blocks = [pack_block(os.urandom(16), FINGERPRINT_BYTES, when) for when in written_unix]
        self.kept.mkdir(parents=True)
        header = pack_header(Header(FINGERPRINT_BYTES, 1, os.urandom(KEY_BYTES)))
        (self.kept / "hellos-0000000001.seen").write_bytes(header + b"".join(blocks))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with FakeDC() as dc, RecordingFront(answer(SITE)) as site:
        yield Place(tmp_path, dc, site)


async def client_gets_through(port: int) -> tuple[bytes, int]:
    """Return the hello of a client that got through, and its stamp."""
    stamp = int(time.time())
    async with await FakeTLSClient.connect("127.0.0.1", port, SECRET, 2, ClientOptions(timestamp=stamp)) as client:
        await client.send(b"hello")
        assert await client.recv_exactly(5) == b"hello"
        return client.hello, stamp


async def is_refused(port: int, recorded: tuple[bytes, int]) -> bool:
    """Whether a recorded hello, stamped anew, leads to the site."""
    hello, stamp = recorded
    sock = await sockets.connect("127.0.0.1", port)
    await sockets.send_all(sock, hello_records(restamp_hello(hello, stamp, int(time.time()))))
    first = await sockets.recv_exactly(sock, len(SITE))
    sockets.close(sock)
    return first == SITE


async def end(program: Program) -> int:
    program.send(signal.SIGTERM)
    return (await asyncio.to_thread(program.wait))[0]


@pytest.mark.parametrize("kind", ["exact", "window", "bloom"])
async def test_a_restart_forgets_no_hello(place: Place, kind: str) -> None:
    sections = f'[defense.anti-replay]\nkind = "{kind}"'
    with place.program(sections=sections) as program:
        recorded = await client_gets_through(program.started())
        assert program.read_until("the replay memory is loaded")["hellos"] == 0
        assert await end(program) == 0
    with place.program(sections=sections) as program:
        port = program.started()
        assert program.read_until("the replay memory is loaded")["hellos"] == 1
        assert await is_refused(port, recorded)
        await client_gets_through(port)
        assert await end(program) == 0


async def test_being_killed_forgets_no_hello_that_is_older_than_a_second(place: Place) -> None:
    with place.program() as program:
        recorded = await client_gets_through(program.started())
        async with asyncio.timeout(20):
            while not any(path.stat().st_size > 40 for path in place.kept.iterdir()):
                await asyncio.sleep(0.01)
        program.send(signal.SIGKILL)
        await asyncio.to_thread(program.wait)
    with place.program() as program:
        assert await is_refused(program.started(), recorded)
        assert await end(program) == 0


async def metrics_page(port: int) -> bytes:
    sock = await sockets.connect("127.0.0.1", port)
    await sockets.send_all(sock, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    page = (await sockets.recv_until_end(sock)).data.partition(b"\r\n\r\n")[2]
    sockets.close(sock)
    return page


@pytest.mark.parametrize("kind", ["exact", "bloom"])
@pytest.mark.parametrize("start", [("-m", "mtg"), ("-c", WITHOUT_ENGINE)], ids=["native", "pure"])
async def test_the_log_and_the_metrics_say_how_far_back_the_memory_reaches(
    place: Place, kind: str, start: tuple[str, str]
) -> None:
    """The oldest hello counts; what has gone by since it came lies between two looks at the clock."""
    before_unix = int(time.time())
    oldest_unix = before_unix - 500_000
    place.keep(oldest_unix, before_unix - 1000)
    sections = f'[stats.prometheus]\nenabled = true\nbind-to = "127.0.0.1:{(port := free_port())}"\n'
    sections += f'[defense.anti-replay]\nkind = "{kind}"'
    with place.program(sections=sections, start=start) as program:
        program.started()
        line = program.read_until("the replay memory is loaded")
        page = await metrics_page(port)
        ages_seconds = (line["reach_seconds"], value(page, "mtg_replay_memory_reach_seconds"))
        longest_seconds = time.time() - oldest_unix
        assert (line["hellos"], value(page, "mtg_replay_memory_entries")) == (4, 4)
        assert [age for age in ages_seconds if not 500_000 <= age <= round(longest_seconds + 0.5)] == []
        assert await end(program) == 0


async def test_metrics_say_how_many_hellos_are_remembered(place: Place) -> None:
    stats = f'[stats.prometheus]\nenabled = true\nbind-to = "127.0.0.1:{(port := free_port())}"'
    with place.program(sections=stats) as program:
        await client_gets_through(program.started())
        page = await metrics_page(port)
        assert value(page, "mtg_replay_memory_entries") == 1
        assert 0 <= value(page, "mtg_replay_memory_reach_seconds") < 60
        assert await end(program) == 0


async def test_two_with_one_chosen_directory_are_an_error(place: Place) -> None:
    top = f'state-directory = "{place.folder}/chosen"'
    with place.program(top) as one:
        one.started()
        one.read_until("the replay memory is loaded")
        with place.program(top) as other:
            assert other.exit_code() == 2
            lines = other.last_words()
            assert other.log == [], "it hasn't started"
        assert await end(one) == 0
    (line,) = lines
    assert line.endswith(
        f'.toml: state-directory: expected a directory that no other process uses, got "{place.folder}/chosen"'
    )


async def test_a_successor_has_the_directory_while_old_streams_have_their_grace(place: Place) -> None:
    top = f'state-directory = "{place.folder}/chosen"'
    with place.program(top) as one:
        port = one.started()
        async with await FakeTLSClient.connect("127.0.0.1", port, SECRET) as client:
            await client.send(b"hello")
            assert await client.recv_exactly(5) == b"hello"
            one.send(signal.SIGTERM)
            one.read_until("shutting down")
            with place.program(top) as other:
                other.started()
                assert other.read_until("the replay memory is loaded")["hellos"] == 1
                await client.send(b"still")
                assert await client.recv_exactly(5) == b"still"
                assert await end(other) == 0
        assert (await asyncio.to_thread(one.wait))[0] == 0


async def test_two_with_the_default_directory_are_normal(place: Place) -> None:
    with place.program() as one:
        one.started()
        one.read_until("the replay memory is loaded")
        with place.program() as other:
            recorded = await client_gets_through(other.started())
            assert await is_refused(port_of(other), recorded)
            assert await end(other) == 0
            warnings = [line["message"] for line in other.log if line["level"] == "warn"]
        assert await end(one) == 0
    assert warnings == [
        "state-directory: in use by another process; after a restart, hellos seen before it can be replayed"
    ]


async def test_a_state_directory_that_cannot_be_made_costs_no_client(place: Place) -> None:
    (place.folder / "a").write_text("a file")
    with place.program(f'state-directory = "{place.folder}/a/b"') as program:
        recorded = await client_gets_through(program.started())
        assert await is_refused(port_of(program), recorded)
        assert await end(program) == 0
        warnings = [line["message"] for line in program.log if line["level"] == "warn"]
    told = "can't be used (Not a directory): after a restart, hellos seen before it can be replayed"
    assert warnings == [f"anti-replay: {place.folder}/a/b/replay: {told}"]


async def test_simple_run_remembers_as_well(place: Place) -> None:
    front = ("--domain-fronting-ip", "127.0.0.1", "--domain-fronting-port", place.site.port)
    for hellos in (0, 1):
        environment = {"XDG_STATE_HOME": str(place.state)}
        with Program("simple-run", *front, "127.0.0.1:0", SECRET.hex(), environment=environment) as program:
            sock = await sockets.connect("127.0.0.1", program.started())
            client = FakeTLSClient(sock, SECRET)
            await client.send_hello()
            await client.receive_answer()
            client.close()
            assert program.read_until("the replay memory is loaded")["hellos"] == hellos
            assert await end(program) == 0


def port_of(program: Program) -> int:
    """The port of a program that has started."""
    address: str = next(line for line in program.log if line["message"] == "mtg has started")["bind_to"][0]
    return int(address.rpartition(":")[2])
