"""Draws docs/img/make-run.svg: what the program prints on a terminal, with an example's secret.

`python -m tools.picture FILE`. The export of rich itself would need a web font, and would leave gaps in the QR code;
here its blocks are rectangles.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from html import escape
from pathlib import Path

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME as THEME
from rich.text import Text

COLUMNS, ROWS = 120, 60
CELL_WIDTH, CELL_HEIGHT, MARGIN = 9, 18, 18
PROMPT = "$ make run HOST=www.example.com SERVER=proxy.example.org"

# The program itself, except for the secret: it is the same each time, and nobody uses it.
PROGRAM = """
import mtglib
key = bytes.fromhex("00112233445566778899aabbccddeeff")
mtglib.Secret.generate = classmethod(lambda cls, host: cls(key, host))
from mtg.cli import main
main()
"""
ARGUMENTS = ("quickstart", "--host", "www.example.com", "--server", "proxy.example.org", "mtg.toml")
LAST_LINE = b"mtg has started"

BLOCKS = {"█": (0, CELL_HEIGHT), "▀": (0, CELL_HEIGHT // 2), "▄": (CELL_HEIGHT // 2, CELL_HEIGHT // 2)}
"""The characters of QR codes: for each, where the block begins in its cell, and its height."""


def main() -> None:
    """Run the program and write the picture."""
    lines = [Text(PROMPT, "bold"), *(Text.from_ansi(line) for line in program_output().splitlines())]
    rows = [row for line in lines for row in (line.wrap(wide(), COLUMNS) or [line])]
    Path(sys.argv[1]).write_text(svg(rows, COLUMNS))


def program_output() -> str:
    """Return what the program prints on a terminal until it serves."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "TZ": "UTC", "COLUMNS": str(COLUMNS)}
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *ARGUMENTS],
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
        )
        os.close(theirs)
        output = b""
        try:
            while not (LAST_LINE in output and output.endswith(b"\n")):
                output += os.read(ours, 65536)
        except OSError:
            raise SystemExit(f"the program has ended: {output.decode()}") from None
        finally:
            process.terminate()
            process.wait()
            os.close(ours)
    return re.sub(r"\d\d:\d\d:\d\d", "12:00:00", output.decode().replace("\r", ""))


def wide() -> Console:
    """A console that never writes to our terminal."""
    return Console(width=COLUMNS, color_system="truecolor", file=open(os.devnull, "w"))


def svg(rows: list[Text], columns: int) -> str:
    """Draw lines of styled text."""
    width, height = columns * CELL_WIDTH + 2 * MARGIN, len(rows) * CELL_HEIGHT + 2 * MARGIN
    shapes = [shape for index, row in enumerate(rows) for shape in row_shapes(row, MARGIN + index * CELL_HEIGHT)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">',
            f'<rect width="{width}" height="{height}" rx="8" fill="{colour(THEME.background_color)}"/>',
            '<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="15" shape-rendering="crispEdges">',
            *shapes,
            "</g>",
            "</svg>",
            "",
        ]
    )


def row_shapes(row: Text, top: int) -> Iterator[str]:
    """Draw a line."""
    column = 0
    for part, style, _ in row.render(wide()):
        yield from part_shapes(Segment(part.rstrip("\n"), style), MARGIN + column * CELL_WIDTH, top)
        column += len(part.rstrip("\n"))


def part_shapes(part: Segment, left: int, top: int) -> Iterator[str]:
    """Draw characters of one style: a background, blocks, and text."""
    style = part.style or Style()
    ink = colour(style.color.get_truecolor(THEME) if style.color else THEME.foreground_color)
    has_paper = bool(style.bgcolor and not style.bgcolor.is_default)
    paper = colour(
        style.bgcolor.get_truecolor(THEME, foreground=False) if style.bgcolor and has_paper else THEME.background_color
    )
    if style.reverse:
        ink, paper = paper, ink
    if has_paper or style.reverse:
        yield rectangle(left, top, len(part.text), CELL_HEIGHT, paper)
    if style.underline:
        yield rectangle(left, top + CELL_HEIGHT - 1, len(part.text), 1, ink)
    for run in re.finditer(r"(█+)|(▀+)|(▄+)|([^█▀▄\s]+(?: [^█▀▄\s]+)*)", part.text):
        x = left + run.start() * CELL_WIDTH
        if run[0][0] in BLOCKS:
            offset, block_height = BLOCKS[run[0][0]]
            yield rectangle(x, top + offset, len(run[0]), block_height, ink)
        else:
            weight = ' font-weight="bold"' if style.bold else ""
            length = len(run[0]) * CELL_WIDTH
            yield (
                f'<text x="{x}" y="{top + 14}" textLength="{length}" fill="{ink}"{weight} xml:space="preserve">'
                f"{escape(run[0])}</text>"
            )


def rectangle(x: int, y: int, columns: int, height: int, fill: str) -> str:
    """Draw a rectangle that is some characters wide."""
    return f'<rect x="{x}" y="{y}" width="{columns * CELL_WIDTH}" height="{height}" fill="{fill}"/>'


def colour(triplet: tuple[int, ...]) -> str:
    """Write a colour as SVG does."""
    return "#" + "".join(f"{part:02x}" for part in triplet)


if __name__ == "__main__":
    main()
