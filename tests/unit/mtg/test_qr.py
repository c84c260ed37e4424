"""QR codes: the drawing is the same matrix that images show."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
import segno

from mtg import qr
from mtg.user_error import UserError

LINK = "tg://proxy?server=198.51.100.7&port=443&secret=ee000102030405060708090a0b0c0d0e0f66726f6e74"


def modules(drawing: str) -> list[list[int]]:
    """What a camera sees of a drawing on a dark terminal: 1 is dark, as in segno's matrix."""
    halves = {" ": (1, 1), "▀": (0, 1), "▄": (1, 0), "█": (0, 0)}
    rows = [[halves[character][half] for character in line] for line in drawing.splitlines() for half in (0, 1)]
    return rows[:-1] if len(rows[0]) < len(rows) else rows


def test_the_drawing_is_the_code_with_a_margin() -> None:
    matrix = segno.make(LINK, error="l", micro=False).matrix_iter(border=qr.QUIET_ZONE_MODULES)
    assert modules(qr.drawing(LINK, colours=False)) == [list(row) for row in matrix]


def test_colours_are_set_and_reset_on_each_line() -> None:
    plain, coloured = qr.drawing(LINK, colours=False), qr.drawing(LINK, colours=True)
    assert coloured.splitlines() == [f"\033[97;40m{line}\033[0m" for line in plain.splitlines()]


def test_a_usual_link_fits_a_terminal_of_80_by_24() -> None:
    lines = qr.drawing(LINK, colours=False).splitlines()
    assert len(lines) <= 24
    assert len(lines[0]) <= 80


def test_the_data_uri_is_a_png() -> None:
    head, _, body = qr.data_uri(LINK).partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body).startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize(("kind", "magic"), [("png", b"\x89PNG\r\n"), ("svg", b"<?xml")])
def test_images_are_for_the_owner_alone(tmp_path: Path, kind: str, magic: bytes) -> None:
    path = tmp_path / f"x.{kind}"
    qr.save(LINK, path, kind)
    assert path.read_bytes().startswith(magic)
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_image_that_was_there_for_all_is_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(bytes(100_000))
    path.chmod(0o644)
    qr.save(LINK, path, "png")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size < 10_000


def test_an_image_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file or directory"):
        qr.save(LINK, tmp_path / "no" / "x.png", "png")


@pytest.mark.parametrize(("encoding", "can"), [("utf-8", True), ("ascii", False), ("cp437", True), ("latin-1", False)])
def test_drawing_needs_block_characters(encoding: str, can: bool) -> None:
    assert qr.can_draw(io.TextIOWrapper(io.BytesIO(), encoding=encoding)) is can
