"""`mtg top` on a terminal: what it shows, its keys, and that the terminal is as before in the end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from support import sockets
from support.asked_program import AskedProgram, asked_program
from support.terminal import ProgramOnTerminal

LEAVES_THE_SCREEN = b"\x1b[?1049l"


@asynccontextmanager
async def top(folder: Path, *options: object, **clients: int) -> AsyncIterator[tuple[ProgramOnTerminal, AskedProgram]]:
    """It, watching a program with these clients, once it has drawn them."""
    async with asked_program(folder, **clients) as program:
        words = ("top", "--delay", "0.2", "--socket", program.socket, *options)
        with ProgramOnTerminal(*words) as terminal:
            await seen(terminal, "quit")
            yield terminal, program


async def seen(terminal: ProgramOnTerminal, is_there: str | Callable[[str], bool]) -> str:
    return await asyncio.to_thread(terminal.read_until, is_there)


async def ended(terminal: ProgramOnTerminal) -> int:
    """Its exit code; the terminal has to be as it was."""
    code = await asyncio.to_thread(terminal.wait)
    assert LEAVES_THE_SCREEN in terminal.output
    assert terminal.modes == terminal.modes_before
    assert b"Traceback" not in terminal.output
    return code


async def test_it_shows_the_proxy_and_quits(tmp_path: Path) -> None:
    async with top(tmp_path, ann=2, bob=1) as (terminal, _):
        text = await seen(terminal, lambda text: "10 B" in text and text.count("telegram") == 3)
        assert text.startswith("mtg ")
        assert "clients 3   connections 3 of 8192" in text
        assert "DC 2 " in text
        terminal.press("q")
        assert await ended(terminal) == 0


async def test_a_connection_is_selected_and_ended(tmp_path: Path) -> None:
    async with top(tmp_path, ann=1, bob=1) as (terminal, _):
        terminal.press("k")
        await seen(terminal, "select a connection first")
        terminal.press("\x1b[B")
        terminal.press("k")
        await seen(terminal, "end the connection of ")
        terminal.press("n")
        await seen(terminal, "quit")
        terminal.press("ky")
        await seen(terminal, lambda text: "clients 1 " in text and "endings 1   ended 1" in text)
        terminal.press("q")
        assert await ended(terminal) == 0


async def test_keys_sort_filter_pause_and_help(tmp_path: Path) -> None:
    async with top(tmp_path, ann=2, bob=1) as (terminal, program):
        terminal.press("s")
        await seen(terminal, "sort (bytes)")
        terminal.press("r")
        await seen(terminal, "sort (bytes, reversed)")
        terminal.press("/bob")
        await seen(terminal, lambda text: "filter: bob_" in text and text.count("telegram") == 1)
        terminal.press("\r")
        await seen(terminal, "filter: bob")
        terminal.press("\x1b")
        await seen(terminal, lambda text: text.count("telegram") == 3)
        terminal.press("?")
        await seen(terminal, lambda text: "any key: back" in text and "docs/statistics.md" in text)
        terminal.press(" p")
        await seen(terminal, "paused")
        client = await program.client("bob")
        terminal.press("p")
        await seen(terminal, "clients 4 ")
        sockets.close(client.sock)
        terminal.press("q")
        assert await ended(terminal) == 0


async def test_another_size_is_drawn_at_once(tmp_path: Path) -> None:
    async with top(tmp_path, "--delay", "3600", ann=30) as (terminal, _):
        assert terminal.text().count("telegram") < 24
        terminal.resize(132, 50)
        await seen(terminal, lambda text: text.count("telegram") == 30)
        terminal.resize(20, 5)
        assert len((await seen(terminal, "q  quit")).splitlines()) == 5
        terminal.press("q")
        assert await ended(terminal) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_signals_end_it_and_give_the_terminal_back(tmp_path: Path, number: signal.Signals) -> None:
    async with top(tmp_path) as (terminal, _):
        terminal.send(number)
        assert await ended(terminal) == 128 + number


async def test_ctrl_c_quits(tmp_path: Path) -> None:
    async with top(tmp_path) as (terminal, _):
        terminal.press("\x03")
        assert await ended(terminal) == 0


async def test_a_window_that_is_closed_ends_it(tmp_path: Path) -> None:
    async with top(tmp_path) as (terminal, _):
        assert await asyncio.to_thread(terminal.hang_up) in (0, 1, 128 + signal.SIGHUP)


async def test_ctrl_z_stops_it_and_it_goes_on_as_before(tmp_path: Path) -> None:
    async with top(tmp_path) as (terminal, _):
        terminal.press("\x1a")
        await asyncio.to_thread(os.waitid, os.P_PID, terminal.pid, os.WSTOPPED)
        assert terminal.modes == terminal.modes_before
        drawn = len(terminal.output)
        terminal.send(signal.SIGCONT)
        await seen(terminal, lambda _: b"quit" in terminal.output[drawn:])
        terminal.press("q")
        assert await ended(terminal) == 0


async def test_it_ends_with_the_proxy(tmp_path: Path) -> None:
    async with top(tmp_path, ann=1) as (terminal, program):
        program.process.send(signal.SIGTERM)
        assert await ended(terminal) == 3
        assert f"mtg: the proxy at {program.socket} has ended" in terminal.text().replace("\n", "")


async def test_a_proxy_that_hangs_is_told_and_keys_still_work(tmp_path: Path) -> None:
    async with asked_program(tmp_path, ann=1) as program:
        set_time_out = "from mtg.control_client import client; client.TIMEOUT_SECONDS = 2"
        start = ("-c", f"{set_time_out}; from mtg.cli import main; main()")
        words = ("top", "--delay", "0.2", "--socket", program.socket)
        with ProgramOnTerminal(*words, columns=150, start=start) as terminal:
            await seen(terminal, "quit")
            program.process.send(signal.SIGSTOP)
            await seen(terminal, f"the proxy at {program.socket} didn't answer within 2 s")
            terminal.press("?")
            await seen(terminal, "any key: back")
            program.process.send(signal.SIGCONT)
            await seen(terminal, lambda text: "didn't answer" not in text)
            terminal.press("q")
            assert await ended(terminal) == 0


async def test_no_colour_means_no_colour(tmp_path: Path) -> None:
    async with asked_program(tmp_path, ann=1) as program:
        words = ("top", "--socket", program.socket)
        with ProgramOnTerminal(*words, environment={"NO_COLOR": "1"}) as terminal:
            await seen(terminal, "quit")
            terminal.press("\x1b[Bk")
            await seen(terminal, "y/n")
            terminal.press("nq")
            assert await ended(terminal) == 0
        assert b"\x1b[31" not in terminal.output
        assert b";31" not in terminal.output


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": ""}])
async def test_a_terminal_that_cannot_be_drawn_on_gets_lines(tmp_path: Path, environment: dict[str, str]) -> None:
    async with asked_program(tmp_path, ann=1) as program:
        words = ("top", "--delay", "0.2", "--socket", program.socket)
        with ProgramOnTerminal(*words, columns=200, environment=environment) as terminal:
            assert await asyncio.to_thread(terminal.wait) == 0
        assert b"\x1b[?1049h" not in terminal.output
        assert "clients 1 " in terminal.text()


async def test_json_is_an_object_a_line(tmp_path: Path) -> None:
    async with asked_program(tmp_path, ann=2, bob=1) as program:
        command = (sys.executable, "-m", "mtg", "top", "--json", "--times", "2", "--delay", "0.2")
        process = await asyncio.create_subprocess_exec(
            *command, "--socket", str(program.socket), stdout=subprocess.PIPE
        )
        out, _ = await process.communicate()
        objects = [json.loads(line) for line in out.splitlines()]
        assert len(objects) == 2
        assert [len(one["connections"]) for one in objects] == [3, 3]
        assert {user["name"]: user["connections"] for user in objects[1]["users"]} == {"ann": 2, "bob": 1}
        assert objects[1]["status"]["clients"] == 3
