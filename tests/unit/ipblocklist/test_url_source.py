"""A list from the network, and its copy on disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mtglib.ipblocklist.list_error import ListError
from mtglib.ipblocklist.source import Source
from mtglib.ipblocklist.sources import make_sources
from unit.ipblocklist.scripted_client import Answer, ScriptedClient, text

URL = "https://lists.example/a"
GOOD, OTHER = b"192.0.2.0/24\n", b"198.51.100.1\n198.51.100.2\n"
UNCHANGED = Answer(status_code=304, headers={})


def source(network: ScriptedClient, directory: Path | None = None) -> Source:
    (made,) = make_sources([URL], network=network, directory=directory, at_once=1, timeout_seconds=5.0, max_bytes=1000)
    return made


def conditions(network: ScriptedClient) -> list[str | None]:
    """Which version each request said that it had."""
    return [headers.get("If-None-Match") for _, headers in network.asked]


async def test_a_download_is_in_force_at_once_and_the_next_asks_for_what_is_new() -> None:
    network = ScriptedClient(text(GOOD, etag='"1"'), UNCHANGED, text(OTHER, etag='"2"'), UNCHANGED)
    made, counts = source(network), []
    for _ in range(4):
        await made.update()
        counts.append(made.prefixes.count)

    assert counts == [1, 1, 2, 2]
    assert conditions(network) == [None, '"1"', '"1"', '"2"']
    assert made.origin == "download"


@pytest.mark.parametrize("bad", [b"", b"# nobody\n", b"<p>Sign in\n<p>please\n192.0.2.1\n"])
async def test_a_download_that_is_no_list_leaves_what_was_good(bad: bytes, tmp_path: Path) -> None:
    network = ScriptedClient(text(GOOD, etag='"1"'), text(bad, etag='"2"'), UNCHANGED)
    made = source(network, tmp_path)
    await made.update()
    with pytest.raises(ListError, match="not an IP list"):
        await made.update()
    await made.update()

    assert made.prefixes.count == 1
    assert conditions(network) == [None, '"1"', '"1"'], "the version of the bad one was not taken over"


async def test_what_was_downloaded_is_there_after_a_restart(tmp_path: Path) -> None:
    await source(ScriptedClient(text(GOOD, etag='"1"')), tmp_path).update()
    network = ScriptedClient(UNCHANGED)
    made = source(network, tmp_path)
    await made.load()
    assert (made.prefixes.count, made.origin) == (1, "copy")
    await made.update()

    assert conditions(network) == ['"1"']


async def test_loading_replaces_nothing_and_without_a_copy_there_is_nothing(tmp_path: Path) -> None:
    await source(ScriptedClient(text(GOOD)), tmp_path).update()
    made = source(ScriptedClient(text(OTHER)), tmp_path / "another")
    await made.load()
    assert made.prefixes.count == 0
    await made.update()
    for path in tmp_path.glob("*.netset"):
        path.rename(tmp_path / "another" / path.name)
    await made.load()

    assert made.prefixes.count == 2
    without = source(ScriptedClient(text(GOOD)))
    await without.load()
    assert without.prefixes.count == 0


async def test_a_copy_that_is_lost_or_damaged_is_made_again(tmp_path: Path) -> None:
    network = ScriptedClient(text(GOOD, etag='"1"'))
    made = source(network, tmp_path)
    await made.update()
    (copy,) = tmp_path.iterdir()
    whole = copy.read_bytes()
    for damage in (None, whole[:-3], b"", b"#{}\n" + GOOD):
        copy.unlink() if damage is None else copy.write_bytes(damage)
        await made.update()
        assert copy.read_bytes() == whole

    assert conditions(network) == [None] * 5, "else the server might say that nothing has changed"
    await made.update()
    assert conditions(network)[-1] == '"1"'


@pytest.mark.parametrize("damage", [b"", b"#{}\n" + GOOD, b"nonsense"])
async def test_a_damaged_copy_is_an_error_and_no_list(damage: bytes, tmp_path: Path) -> None:
    await source(ScriptedClient(text(GOOD)), tmp_path).update()
    (copy,) = tmp_path.iterdir()
    copy.write_bytes(damage)
    made = source(ScriptedClient(text(OTHER)), tmp_path)

    with pytest.raises(ListError, match=r"can't be used, so the list is empty until it is downloaded: damaged"):
        await made.load()
    assert made.prefixes.count == 0
    await made.update()
    assert made.prefixes.count == 2


async def test_a_copy_that_cannot_be_written_is_noted_until_one_can(tmp_path: Path) -> None:
    (place := tmp_path / "copies").write_bytes(b"a file where the folder should be")
    made = source(ScriptedClient(text(GOOD), text(OTHER), text(GOOD)), place)
    await made.update()
    assert isinstance(made.cache_error, OSError)
    assert made.prefixes.count == 1, "in force all the same"
    os.unlink(place)
    await made.update()

    assert made.cache_error is None
    assert len(list(place.iterdir())) == 1


async def test_an_error_of_the_network_is_passed_on_and_leaves_what_was_good() -> None:
    made = source(ScriptedClient(text(GOOD), OSError("no route")))
    await made.update()

    with pytest.raises(OSError, match="no route"):
        await made.update()
    assert made.prefixes.count == 1
