"""A request's body: read within bounds, and decoded or refused."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest
from aiohttp import web

from mtg.control.program import RunningProgram
from mtg.control.route import Call, RequestError
from mtglib.stats import HTTPHandler, serve_http
from support.control import Answer, connect, parse, request, say

PROGRAM: RunningProgram = object()  # type: ignore[assignment]
timeless = pytest.mark.asyncio(loop_factories=["timeless"])


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    number: int = 0


def make_handler() -> HTTPHandler:
    async def answer(of: web.BaseRequest) -> web.StreamResponse:
        try:
            wish = await Call(PROGRAM, of, {}, {}).body(Wish)
        except RequestError as error:
            return web.json_response({"error": error.error, "problems": error.problems}, status=error.status)
        return web.json_response({"name": wish.name})

    return answer


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[str, int]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(serve_http(listener, make_handler, has_json_errors=True))
        try:
            yield listener.getsockname()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def post(said: bytes, **headers: str) -> Answer:
    async with serving() as address:
        return parse(await say(address, request("POST", "/", said, **headers)))


async def test_a_body_is_decoded() -> None:
    assert (await post(b'{"name":"a"}')).body == {"name": "a"}


async def test_a_body_may_come_in_chunks() -> None:
    chunks = b'6\r\n{"name\r\n6\r\n":"b"}\r\n0\r\n\r\n'
    async with serving() as address:
        answer = parse(await say(address, request("POST", "/", Transfer_Encoding="chunked") + chunks))
    assert answer.body == {"name": "b"}


@pytest.mark.parametrize(
    ("said", "error", "problem"),
    [
        (b"", "the body isn't JSON", ""),
        (b"{", "the body isn't JSON", ""),
        (b"\xff\xfe", "the body isn't JSON", ""),
        (b'{"name":"\xff"}', "the body isn't JSON", ""),
        (b"[" * 5000, "the body isn't", ""),
        (b"[]", "the body isn't as expected", "Expected `object`, got `array`"),
        (b"{}", "the body isn't as expected", "Object missing required field `name`"),
        (b'{"name":1}', "the body isn't as expected", "Expected `str`, got `int` - at `$.name`"),
        (b'{"name":"a","x":1}', "the body isn't as expected", "Object contains unknown field `x`"),
    ],
)
async def test_one_that_is_not_as_expected_is_refused(said: bytes, error: str, problem: str) -> None:
    answer = await post(said)
    assert answer.status == 400
    assert answer.body["error"].startswith(error)
    assert answer.body["problems"] == ([problem] if problem else answer.body["problems"])


async def test_a_large_one_without_a_length_is_refused_where_it_gets_too_large() -> None:
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    async with serving() as address:
        answer = parse(await say(address, request("POST", "/", Transfer_Encoding="chunked") + 3 * chunk + b"0\r\n\r\n"))
    assert (answer.status, answer.body["error"]) == (413, "the body is too large: expected at most 65536 bytes")


async def test_a_compressed_one_is_not_unpacked() -> None:
    assert (await post(b"\x1f\x8b" + b"x" * 100, Content_Encoding="gzip")).status == 400


@timeless
@pytest.mark.parametrize("said", [b"", b'{"name'])
async def test_one_that_never_comes_is_waited_for_for_five_seconds(said: bytes) -> None:
    loop = asyncio.get_running_loop()
    async with serving() as address:
        assert parse(await say(address, request("POST", "/", b'{"name":"a"}'))).status == 200
        begun_mono = loop.time()
        answer = parse(await say(address, request("POST", "/", Content_Length="12") + said))
        assert (answer.status, answer.body["error"]) == (408, "the body didn't come within 5 s")
        assert 5 <= loop.time() - begun_mono < 7


@timeless
async def test_a_client_that_goes_on_byte_by_byte_is_not_waited_for_for_ever() -> None:
    async with serving() as address:
        reader, writer = await connect(address)
        writer.write(request("POST", "/", Content_Length="60000"))
        received = asyncio.create_task(reader.read())
        while not received.done():
            writer.write(b" ")
            await asyncio.sleep(0.1)
        with suppress(ConnectionResetError):  # it still sends when nobody reads any more
            assert parse(await received).status == 408
        writer.close()


async def test_a_client_that_leaves_in_the_middle_harms_nobody() -> None:
    unhandled: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: unhandled.append(context))
    async with serving() as address:
        _, writer = await connect(address)
        writer.write(request("POST", "/", Content_Length="60000") + b"{")
        await writer.drain()
        writer.close()
        assert parse(await say(address, request("POST", "/", b'{"name":"a"}'))).status == 200
    assert unhandled == []
