from __future__ import annotations

import asyncio
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.stage import open_fds
from mtglib.stats.http_server import Request, answer, parse_request, serve_page


def status(request: Request | None, path: str = "/metrics") -> int:
    return int(answer(request, path, "text/x", lambda: b"page").split(b" ")[1])


@pytest.mark.parametrize(
    ("head", "request_"),
    [
        (b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", Request("GET", "/metrics")),
        (b"HEAD /metrics?a=b?c HTTP/1.0\r\n\r\n", Request("HEAD", "/metrics")),
        (b"GET http://192.0.2.1:3129/metrics HTTP/1.1\r\nHost: x\r\n\r\n", Request("GET", "/metrics")),
        (b"GET HTTP://[::1]:3129/a/b?c=http://d/e HTTP/1.1\r\n\r\n", Request("GET", "/a/b")),
        (b"HEAD https://a.example HTTP/1.1\r\n\r\n", Request("HEAD", "/")),
        (b"GET http://a.example?b=c HTTP/1.1\r\n\r\n", Request("GET", "/")),
        (b"GET /http://a.example/metrics HTTP/1.1\r\n\r\n", Request("GET", "/http://a.example/metrics")),
        (b"GET / HTTP/2.0\r\n\r\n", None),
        (b"GET  HTTP/1.1\r\n\r\n", None),
        (b"GET /a b HTTP/1.1\r\n\r\n", None),
        (b"\r\n\r\n", None),
    ],
)
def test_request_head(head: bytes, request_: Request | None) -> None:
    assert parse_request(head) == request_


@given(st.binary())
def test_any_bytes_are_a_request_or_none(head: bytes) -> None:
    assert status(parse_request(head)) in (200, 400, 404, 405)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", "/metrics", 200), ("HEAD", "/metrics", 200), ("POST", "/metrics", 405), ("GET", "/", 404)],
)
def test_answer_by_method_and_path(method: str, path: str, code: int) -> None:
    assert status(Request(method, path)) == code


@pytest.mark.parametrize(
    ("served", "asked", "code"),
    [("/", "/", 200), ("/", "/metrics", 200), ("/a/", "/a/b", 200), ("/a/", "/a", 404), ("/a", "/a/", 404)],
)
def test_path_with_a_slash_at_its_end_serves_all_below(served: str, asked: str, code: int) -> None:
    assert status(Request("GET", asked), served) == code


def test_head_is_answered_as_get_without_the_page() -> None:
    get, head = (answer(Request(method, "/"), "/", "text/x", lambda: b"page") for method in ("GET", "HEAD"))

    assert get == head + b"page"
    assert b"\r\nContent-Length: 4\r\n" in head
    assert b"\r\nContent-Type: text/x\r\n" in head


@pytest.mark.parametrize(("method", "body"), [("GET", b"the page can't be made: ZeroDivisionError\n"), ("HEAD", b"")])
def test_page_that_cannot_be_made_is_the_servers_fault(method: str, body: bytes) -> None:
    head, _, told = answer(Request(method, "/"), "/", "text/x", lambda: bytes(1 // 0)).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 500 ")
    assert told == body


async def test_descriptor_is_closed_when_the_server_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_positional: object, **_named: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(asyncio, "start_server", fail)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        before = open_fds()
        with pytest.raises(OSError, match="no room"):
            await serve_page(listener, "/", "text/x", lambda: b"page")
        assert (open_fds(), listener.fileno() >= 0) == (before, True)
