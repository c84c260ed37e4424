"""The peers' servers do on the network what their names say; a bare socket is the other end."""

from __future__ import annotations

import pytest

from support import sockets, tdlib
from support.fake_dc import DCConnection, FakeDC, echo, sink, source
from support.front import RecordingFront, answer_then_eof, reset_after
from support.obfuscated2 import make_frame
from support.pattern import Pattern
from support.server_answer import AnswerError, verify_answer


async def test_fake_dc_echoes_and_reads_the_frame() -> None:
    async with FakeDC(echo) as dc:
        sock = await sockets.connect(dc.host, dc.port)
        sent = make_frame(b"", -3)
        await sockets.send_all(sock, sent.wire + sent.up.apply(b"hello"), segment_bytes=9)

        assert sent.down.apply(await sockets.recv_exactly(sock, 5)) == b"hello"
        connection = await dc.connection()
        assert (connection.dc, connection.tag, connection.raw_frame) == (-3, b"\xdd" * 4, sent.wire)

        sockets.send_eof(sock)
        assert await sockets.recv_until_end(sock) == sockets.Received(b"", "eof")
        sockets.close(sock)


async def test_fake_dc_source_sends_its_pattern_and_a_fin() -> None:
    async with FakeDC(source(300_000, seed=5), host="::1") as dc:
        sock = await sockets.connect(dc.host, dc.port)
        sent = make_frame(b"", 2)
        await sockets.send_all(sock, sent.wire)

        received = await sockets.recv_until_end(sock)

        assert sent.down.apply(received.data) == Pattern(5).take(300_000)
        assert dc.address == f"[::1]:{dc.port}"
        sockets.close(sock)


async def test_fake_dc_tells_a_reset_from_a_fin() -> None:
    async with FakeDC(sink) as dc:
        sock = await sockets.connect(dc.host, dc.port)
        await sockets.send_all(sock, make_frame(b"", 2).wire)
        connection = await dc.connection()
        sockets.reset(sock)

        await connection.ended.wait()

        assert connection.ending == "reset"


async def provoke_a_broken_handler() -> None:
    async def broken(connection: DCConnection) -> None:
        raise ValueError("a handler's own mistake")

    async with FakeDC(broken) as dc:
        sock = await sockets.connect(dc.host, dc.port)
        await sockets.send_all(sock, make_frame(b"", 2).wire)
        assert (await sockets.recv_until_end(sock)).ending == "reset"
        sockets.close(sock)


async def test_failure_inside_a_handler_fails_the_test() -> None:
    with pytest.raises(ValueError, match="own mistake"):
        await provoke_a_broken_handler()


async def test_recording_front_keeps_all_and_answers() -> None:
    async with RecordingFront(answer_then_eof(b"no", after_bytes=3)) as front:
        sock = await sockets.connect(front.host, front.port)
        await sockets.send_all(sock, b"abc")
        assert await sockets.recv_until_end(sock) == sockets.Received(b"no", "eof")
        await sockets.send_all(sock, b"def")
        sockets.send_eof(sock)

        assert await (await front.connection()).ended() == sockets.Received(b"abcdef", "eof")
        sockets.close(sock)


async def test_recording_front_takes_the_proxy_header_off() -> None:
    header = b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12)
    async with RecordingFront(reset_after(1), proxy_protocol=True) as front:
        sock = await sockets.connect(front.host, front.port)
        await sockets.send_all(sock, header + b"x")

        assert await sockets.recv_until_end(sock) == sockets.Received(b"", "reset")
        assert front.connections[0].proxy_header == header
        assert bytes(front.connections[0].received) == b"x"
        sockets.close(sock)


def test_an_http_answer_is_no_answer() -> None:
    with pytest.raises(AnswerError, match="First part of response to hello is invalid"):
        verify_answer(b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(100), bytes(16))


def test_tdlib_refuses_to_run_where_there_is_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tdlib, "routes_beyond_loopback", lambda: ["eth0 00000000"])

    with pytest.raises(RuntimeError, match="nothing but the loopback"):
        tdlib.TDLib()
