"""A list over HTTP(S): whole or not at all, and never more than was allowed."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtglib.ipblocklist.disk_cache import Validators
from mtglib.ipblocklist.download import download
from mtglib.ipblocklist.list_error import ListError
from support.timeless import timeless
from unit.ipblocklist.scripted_client import Answer, ScriptedClient, text

URL = "https://lists.example/a"
UNKNOWN = Validators()
KNOWN = Validators('"v1"', "Tue, 01 Sep 2026 00:00:00 GMT")


async def get(
    answer: Answer, known: Validators = UNKNOWN, *, max_bytes: int = 1000
) -> tuple[list[bytes], Validators] | None:
    return await download(ScriptedClient(answer), URL, known, timeout_seconds=20.0, max_bytes=max_bytes)


@timeless
async def test_what_comes_is_returned_with_what_the_server_calls_it() -> None:
    answer = text(b"192.0.2.0/24\n198.51", b".100.1\n", etag='"v1"', last_modified=KNOWN.last_modified)

    assert await get(answer) == ([b"192.0.2.0/24\n198.51.100.1\n"], KNOWN)


@timeless
async def test_a_version_that_cannot_be_sent_back_is_none() -> None:
    assert await get(text(b"x", etag='"v\n1"', last_modified="x" * 2000)) == ([b"x"], UNKNOWN)


@timeless
async def test_it_asks_for_what_it_has_not_got_and_for_nothing_it_cannot_read() -> None:
    for known, conditions in (
        (UNKNOWN, {}),
        (KNOWN, {"If-None-Match": KNOWN.etag, "If-Modified-Since": KNOWN.last_modified}),
        (Validators(etag='"v1"'), {"If-None-Match": '"v1"'}),
    ):
        client = ScriptedClient(text(b"x"))
        await download(client, URL, known, timeout_seconds=7.0, max_bytes=1000)

        assert client.asked == [(URL, {"Accept-Encoding": "gzip", **conditions})]
        assert client.options == {"follow_redirects": True, "timeout": 7.0}


@timeless
async def test_an_unchanged_list_is_none_only_for_who_has_it() -> None:
    assert await get(Answer(status_code=304, headers={}), KNOWN) is None
    with pytest.raises(ListError, match="304"):
        await get(Answer(status_code=304, headers={}))


GZIP = {"content-encoding": "gzip", "content-length": "5"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer([b"x"], status_code=404), "the server answered 404"),
        (Answer([b"x"], status_code=206), "the server answered 206"),
        (Answer([b"x"], hops=("https", "http")), "from https to http"),
        (Answer([b"x"], hops=("https", "http", "https")), "from https to http"),
        (Answer([b"x"], headers={}), "doesn't say how long"),
        (Answer([b"x"], headers={}, http_version="HTTP/1.0"), "doesn't say how long"),
        (text(b"x", content_encoding="br"), "compressed with a method"),
        (text(b"x", content_encoding="gzip, gzip"), "compressed with a method"),
        (text(b"x" * 600, b"x" * 401), "larger than 1000 bytes"),
        (Answer([gzip.compress(b"x" * 1001)], GZIP), "larger than 1000 bytes"),
        (Answer([gzip.compress(b"x" * 10_000_000)], GZIP), "larger than 1000 bytes"),
        (Answer([gzip.compress(b"x")[:-1]], GZIP), "is incomplete"),
        (Answer([], GZIP), "is incomplete"),
        (Answer([gzip.compress(b"x") + b"y"], GZIP), "data after the end of the compressed data"),
    ],
)
@timeless
async def test_what_is_no_whole_list_is_refused(answer: Answer, why: str) -> None:
    with pytest.raises(ListError, match=why):
        await get(answer)


@pytest.mark.parametrize(
    "answer",
    [
        Answer([b"x"], headers={"transfer-encoding": "chunked"}),
        Answer([b"x"], headers={}, http_version="HTTP/2"),
        Answer([b"x"], hops=("http", "https")),
        Answer([b"x"], hops=("http", "http")),
        Answer([b"x"], hops=("https", "https")),
        text(b"x", content_encoding=" Identity "),
        Answer([gzip.compress(b"x")], {"content-encoding": "x-gzip", "content-length": "5"}),
    ],
)
@timeless
async def test_what_is_whole_for_sure_is_taken(answer: Answer) -> None:
    assert await get(answer) == ([b"x"], UNKNOWN)


@timeless
async def test_of_what_unpacks_to_a_thousand_times_its_size_no_more_is_unpacked_than_is_allowed() -> None:
    answer = Answer([gzip.compress(bytes(30_000_000))], GZIP)
    tracemalloc.start()
    try:
        with pytest.raises(ListError, match="larger"):
            await get(answer)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@timeless
async def test_as_much_as_is_allowed_is_taken() -> None:
    whole = b"x" * 1000
    for answer in (text(whole[:1], whole[1:]), Answer([gzip.compress(whole)], GZIP)):
        assert await get(answer) == ([whole], UNKNOWN)


@given(data=st.binary(max_size=900), cuts=st.lists(st.integers(1, 900), max_size=5), packed=st.booleans())
def test_in_whatever_pieces_it_comes_the_text_is_the_same(data: bytes, cuts: list[int], packed: bool) -> None:
    wire = gzip.compress(data) if packed else data
    bounds = [0, *sorted({cut for cut in cuts if cut < len(wire)}), len(wire)]
    chunks = [wire[start:end] for start, end in itertools.pairwise(bounds)]
    found: list[Any] = []

    async def fetch() -> None:
        found.append(await get(Answer(chunks, GZIP if packed else {"content-length": "5"})))

    timeless(fetch)()
    assert b"".join(found[0][0]) == data


@timeless
async def test_what_takes_too_long_says_how_long() -> None:
    loop = asyncio.get_running_loop()
    began_mono = loop.time()
    with pytest.raises(TimeoutError, match=r"^not downloaded within 20 s$"):
        await get(Answer([b"x"], ends=False))
    assert loop.time() == pytest.approx(began_mono + 20)


@timeless
async def test_what_the_client_says_of_a_time_out_stands() -> None:
    with pytest.raises(TimeoutError, match=r"^the proxy is silent$"):
        await download(
            ScriptedClient(TimeoutError("the proxy is silent")), URL, UNKNOWN, timeout_seconds=20.0, max_bytes=1
        )
