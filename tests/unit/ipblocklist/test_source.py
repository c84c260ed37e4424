"""A part of a list, with what was last good; of a local file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mtglib.ipblocklist.list_error import ListError
from mtglib.ipblocklist.source import FileSource, SourceStatus


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "list"


def source(path: Path, max_bytes: int = 10_000_000) -> FileSource:
    return FileSource(path, max_bytes, asyncio.Semaphore(1))


async def test_a_file_is_what_it_says(path: Path) -> None:
    path.write_bytes(b"192.0.2.0/24\n# a comment\nnonsense\n198.51.100.1\n")
    made = source(path)
    assert made.status() == SourceStatus(str(path), 0, 0, "")
    await made.load()

    assert made.status() == SourceStatus(str(path), 2, 1, "")
    assert made.origin == "file"
    assert made.prefixes.contains_v4(0xC0000201)


async def test_loading_takes_what_is_there_once_and_updating_each_time(path: Path) -> None:
    path.write_bytes(b"192.0.2.0/24\n")
    made = source(path)
    await made.load()
    path.write_bytes(b"192.0.2.0/24\n198.51.100.1\n")
    await made.load()
    assert made.prefixes.count == 1
    await made.update()
    assert made.prefixes.count == 2


async def test_the_same_text_again_leaves_the_same_prefixes(path: Path) -> None:
    path.write_bytes(b"192.0.2.0/24\n")
    made = source(path)
    await made.update()
    before = made.prefixes
    await made.update()

    assert made.prefixes is before


@pytest.mark.parametrize("bad", [b"<!doctype html>\n<p>Sign in\n192.0.2.1\n", b"nonsense\n", b"192.0.2.1" * 9])
async def test_what_is_no_list_leaves_what_was_good(path: Path, bad: bytes) -> None:
    path.write_bytes(b"192.0.2.0/24\n")
    made = source(path)
    await made.update()
    path.write_bytes(bad)

    with pytest.raises(ListError, match=r"^not an IP list: \d invalid lines, \d valid ones$"):
        await made.update()
    assert made.prefixes.count == 1
    path.write_bytes(b"192.0.2.0/24\n")
    await made.update()
    assert made.prefixes.count == 1


async def test_as_many_good_lines_as_broken_ones_are_a_list(path: Path) -> None:
    path.write_bytes(b"192.0.2.1\nnonsense\n")
    made = source(path)
    await made.update()

    assert (made.prefixes.count, made.prefixes.broken_lines) == (1, 1)


@pytest.mark.parametrize("text", [b"", b"# nobody\n"])
async def test_a_file_may_be_empty_since_somebody_wants_it_so(path: Path, text: bytes) -> None:
    path.write_bytes(b"192.0.2.1\n")
    made = source(path)
    await made.update()
    path.write_bytes(text)
    await made.update()

    assert made.prefixes.count == 0


async def test_a_file_that_is_gone_or_too_large_leaves_what_was_good(path: Path) -> None:
    path.write_bytes(b"192.0.2.1\n")
    made = source(path, 10)
    await made.update()
    path.write_bytes(b"192.0.2.1\n" * 2)
    with pytest.raises(OSError, match="larger than 10 bytes"):
        await made.update()
    path.unlink()
    with pytest.raises(FileNotFoundError):
        await made.update()

    assert made.prefixes.count == 1


async def test_of_the_shortest_lines_only_so_many_are_taken(path: Path) -> None:
    path.write_bytes(b"\n" * 2_000_001)
    with pytest.raises(ListError, match=r"^more than 2000000 lines$"):
        await source(path).update()
    path.write_bytes(b"\n" * 2_000_000)
    await source(path).update()


async def test_files_that_share_a_disk_wait_for_one_another(path: Path) -> None:
    path.write_bytes(b"192.0.2.1\n")
    disk = asyncio.Semaphore(1)
    made, beside = FileSource(path, 100, disk), source(path)
    async with disk:
        updating = asyncio.create_task(made.update())
        for _ in range(3):
            await beside.update()
        assert not updating.done()
        assert made.prefixes.count == 0
    await updating

    assert made.prefixes.count == 1
