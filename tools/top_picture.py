"""Draws docs/img/top.svg: `mtg top` on a terminal, watching a proxy that moves bytes.

`python -m tools.top_picture FILE`. The proxy, its clients and its visitors are those of the tests, so their addresses
are this machine's own; in the picture they are addresses that are reserved for documentation.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import groupby
from pathlib import Path

from pyte.screens import Char
from rich.style import Style
from rich.text import Text

from tools.picture import svg, wide

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support import sockets
from support.asked_program import AskedProgram, asked_program
from support.faketls_client import FakeTLSClient
from support.terminal import ProgramOnTerminal

COLUMNS, ROWS = 100, 24
PROMPT = "$ mtg top"
PLACE = "/etc/mtg.toml"
CLIENTS = {"ann": (4096, 300, 60_000, 0), "bob": (250_000, 0, 90)}
"""Bytes that each client of a user sends at a time; the data centre sends them back."""

VISITORS = 2
PAUSE_SECONDS = 0.1
TOP_SECONDS = 4.0
SAMPLE_SECONDS = 1.0


def main() -> None:
    """Run everything, and write the picture."""
    Path(sys.argv[1]).write_text(asyncio.run(draw()))


async def draw() -> str:
    """Return the picture as SVG."""
    with tempfile.TemporaryDirectory() as folder:
        async with asked_program(Path(folder)) as program, busy(program):
            words = ("top", "--delay", SAMPLE_SECONDS, "--socket", program.socket)
            with ProgramOnTerminal(*words, columns=COLUMNS, rows=ROWS) as terminal:
                reading = asyncio.create_task(asyncio.to_thread(terminal.wait))
                await asyncio.sleep(TOP_SECONDS)
                terminal.press("\x1b[B\x1b[B")
                await asyncio.sleep(SAMPLE_SECONDS)
                rows = [row(terminal, number, str(program.config)) for number in range(ROWS)]
                terminal.press("q")
                await reading
    return svg([Text(PROMPT, "bold"), *rows], COLUMNS)


@asynccontextmanager
async def busy(program: AskedProgram) -> AsyncIterator[None]:
    """Clients that send, and visitors that wait."""
    async with AsyncExitStack() as stack:
        clients = [
            (await stack.enter_async_context(await program.client(user)), size)
            for user, sizes in CLIENTS.items()
            for size in sizes
        ]
        for _ in range(VISITORS):
            visitor = await sockets.connect("127.0.0.1", program.port)
            stack.callback(sockets.close, visitor)
            await sockets.send_all(visitor, b"GET / HTTP/1.1\r\n\r\n")
        tasks = [asyncio.create_task(send(client, size)) for client, size in clients if size]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def send(client: FakeTLSClient, size: int) -> None:
    """Send so many bytes at a time, and take them back."""
    while True:
        await client.send(bytes(size))
        await client.recv_exactly(size)
        await asyncio.sleep(PAUSE_SECONDS)


def row(terminal: ProgramOnTerminal, number: int, config: str) -> Text:
    """Return a line of the screen, with its colours."""
    cells = [terminal.screen.buffer[number][column] for column in range(COLUMNS)]
    line = Text()
    for style, same in groupby(cells, style_of):
        line.append("".join(cell.data for cell in same), style)
    return without_this_machine(line, config)


def style_of(cell: Char) -> Style:
    """Return how a character is drawn; the emulator calls yellow brown."""
    ink = {"default": None, "brown": "yellow"}.get(cell.fg, cell.fg)
    return Style(color=ink, bold=cell.bold, reverse=cell.reverse, underline=cell.underscore)


def without_this_machine(line: Text, config: str) -> Text:
    """Replace paths and addresses by an example's, and keep the columns where they are."""
    line = replaced(line, re.escape(config) + " *", PLACE)
    line = replaced(line, r"site 127\.0\.0\.1:\d+ *", "site www.example.com:443")
    if client := re.match(r"127\.0\.0\.1:(\d+)", line.plain):
        line = replaced(line, r"127\.0\.0\.1:\d+ +", f"203.0.113.{int(client[1]) % 250 + 1}:{client[1]}")
    return line


def replaced(line: Text, pattern: str, text: str) -> Text:
    """Return the line with another text in the place of the first one that is found, in its style."""
    found = re.search(pattern, line.plain)
    if found is None:
        return line
    style = line.get_style_at_offset(wide(), found.start())
    return line[: found.start()] + Text(text.ljust(len(found[0])), style) + line[found.end() :]


if __name__ == "__main__":
    main()
