"""From the strings of an option to sources."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from mtglib.ipblocklist.source import FileSource, Source
from mtglib.ipblocklist.sources import make_sources
from mtglib.ipblocklist.url_source import URLSource
from unit.ipblocklist.scripted_client import ScriptedClient, text


def make(*urls: str, network: Any = None, directory: Path | None = None, at_once: int = 2) -> list[Source]:
    return make_sources(
        urls, network=network, directory=directory, at_once=at_once, timeout_seconds=5.0, max_bytes=1000
    )


def test_each_text_becomes_a_source_of_its_kind_in_their_order() -> None:
    made = make("https://me:hidden@lists.example/a?b#c", "/var/lib/list", "http://lists.example/b")

    assert [type(source) for source in made] == [URLSource, FileSource, URLSource]
    assert [source.label for source in made] == [
        *("https://lists.example/a", "/var/lib/list", "http://lists.example/b"),
    ]
    assert set(made[0].secrets) == {"me:hidden", "hidden", "b", "c"}


def test_what_is_there_twice_is_made_once() -> None:
    assert [source.label for source in make("/a", "/b", "/a", "/b", "/a")] == ["/a", "/b"]


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("ftp://me:hidden@h/", "an http(s) URL or an absolute path"),
        ("me:hidden@h", "an http(s) URL or an absolute path"),
        ("", "an http(s) URL or an absolute path"),
        ("/hidden\n", "an absolute path without control characters"),
        ("/hidden\x7f", "an absolute path without control characters"),
    ],
)
def test_what_can_be_neither_is_named_and_not_repeated(bad: str, expected: str) -> None:
    with pytest.raises(mtglib.OptionError) as raised:
        make("/fine", "/fine", bad)

    assert (raised.value.field, raised.value.expected) == ("urls[2]", expected)
    assert "hidden" not in f"{raised.value!r} {raised.value}"
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@given(st.text())
def test_any_text_is_a_source_or_an_option_error(given_text: str) -> None:
    for url in (given_text, f"/{given_text}", f"https://h/{given_text}"):
        with suppress(mtglib.OptionError):
            (source,) = make(url)
            assert source.label.isprintable() or source.label.startswith("/")


async def test_so_many_downloads_are_there_at_once_and_files_beside_them(tmp_path: Path) -> None:
    (path := tmp_path / "list").write_bytes(b"192.0.2.1\n")
    network = ScriptedClient(text(b"192.0.2.1\n"))
    network.go_on.clear()
    made = make(*(f"https://h/{number}" for number in range(6)), str(path), network=network, at_once=2)
    updating = [asyncio.create_task(source.update()) for source in made]
    await updating[-1]
    assert network.open == 2
    network.go_on.set()
    await asyncio.gather(*updating)

    assert network.most_open == 2
    assert [source.prefixes.count for source in made] == [1] * 7


async def test_each_source_keeps_its_copy_if_there_is_where(tmp_path: Path) -> None:
    for directory in (tmp_path / "copies", None):
        network = ScriptedClient(text(b"192.0.2.1\n"))
        for source in make("https://h/a", "https://h/b", network=network, directory=directory):
            await source.update()

    assert len(list((tmp_path / "copies").iterdir())) == 2
    assert len(list(tmp_path.iterdir())) == 1
