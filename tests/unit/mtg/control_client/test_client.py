"""The client, and everything that may be at the other end of a socket."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mtg.control_client import APIError, ControlClient, NotRunningError, UnansweredError, client
from mtg.user_error import UserError
from unit.mtg.command_line import SECRET, run


@contextmanager
def answering(folder: Path, *answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers what comes with these bytes, one for each connection, and what came."""
    path, received = str(folder / "x.sock"), list[bytes]()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    received.append(read_request(connection))
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield path, received
        thread.join()


def read_request(connection: socket.socket) -> bytes:
    """Read a head, and the body that its Content-Length announces."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def ok(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


def refused(place: str, *more: str) -> UserError:
    with pytest.raises(UserError) as raised:
        ControlClient((place, *more)).ask("GET", "v1", "status")
    assert len(raised.value.lines) == 1
    return raised.value


def test_what_is_asked_is_quoted(tmp_path: Path) -> None:
    with answering(tmp_path, ok(b'{"a": 1}')) as (place, received):
        asked = ControlClient((place,)).ask("PATCH", "v1", "users", "a b/../c?", query={"x": "&"}, body={"quota": None})
    assert asked == {"a": 1}
    head, _, body = received[0].partition(b"\r\n\r\n")
    assert head.startswith(b"PATCH /v1/users/a%20b%2F..%2Fc%3F?x=%26 HTTP/1.1\r\n")
    assert body == b'{"quota": null}'


@pytest.mark.parametrize(("status", "code"), [("422 x", 2), ("400 x", 2), ("404 x", 1), ("409 x", 1), ("500 x", 1)])
def test_lines_of_the_api_are_shown_as_they_are(tmp_path: Path, status: str, code: int) -> None:
    answer = ok(b'{"error": "no", "problems": ["a: b", "c"]}', status)
    with answering(tmp_path, answer) as (place, _), pytest.raises(APIError) as raised:
        ControlClient((place,)).ask("GET", "v1", "status")
    assert raised.value.lines == ("no", "a: b", "c")
    assert raised.value.exit_code == code


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.example ESMTP\r\n",
        b"\0" * 100,
        b"HTTP/1.1 99999 what\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000 + b"\r\n",
        ok(b"<html>"),
        ok(b"[]"),
        ok(b"\xff"),
        ok(b'{"a": 1}', "404 Not Found"),
        ok(b'{"error": 1}', "404 Not Found"),
    ],
)
def test_something_else_is_said_to_be_something_else(tmp_path: Path, answer: bytes) -> None:
    with answering(tmp_path, answer) as (place, _):
        error = refused(place)
    assert error.lines[0].startswith(f"{place}: expected the control socket of mtg, got ")
    assert error.exit_code == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_an_answer_that_ends_early_is_none(tmp_path: Path, answer: bytes) -> None:
    with answering(tmp_path, answer) as (place, _):
        error = refused(place)
    assert error.lines == (f"the proxy at {place} ended the connection without an answer",)


def test_an_answer_that_comes_before_all_was_read_is_shown(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place := str(tmp_path / "x.sock"))
        listener.listen()

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(ok(b'{"error": "too large"}', "413 x"))

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(APIError, match="too large"):
            ControlClient((place,)).ask("POST", "v1", "users", "a", body="x" * 10_000_000)
        thread.join()


def test_a_proxy_that_hangs_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 0.05)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place := str(tmp_path / "x.sock"))
        listener.listen(0)
        error = refused(place)
        assert error.lines == (f"the proxy at {place} didn't answer within 0.05 s",)
        assert refused(place).lines == (f"the proxy at {place} accepts no connections",)  # its queue is full now


OR_ELSE = "it isn't running, or has its `control-socket` elsewhere or none"


def test_nobody_is_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(left := str(tmp_path / "left.sock"))
    for place, reason in (
        (f"{tmp_path}/none", "No such file or directory"),
        (f"{tmp_path}/file", "isn't a socket"),
        (f"{tmp_path}/file/none", "Not a directory"),
        (left, "nobody is there any more"),
    ):
        error = refused(place)
        assert (error.lines, error.exit_code) == ((f"no proxy can be asked: {place}: {reason}; {OR_ELSE}",), 3)
    both = refused(f"{tmp_path}/none", left)
    assert isinstance(both, NotRunningError)
    assert f"; {left}: nobody is there any more (--socket or --config says where it is); it" in both.lines[0]


def test_a_secret_in_the_sockets_place_is_not_shown() -> None:
    secret = SECRET.hex()
    assert secret not in refused(secret).lines[0]


def test_a_path_that_is_too_long_is_one_line(tmp_path: Path) -> None:
    assert refused("/" + "x" * 200).lines[0].endswith("AF_UNIX path too long")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_socket_of_another_user_is_not_to_be_opened(tmp_path: Path) -> None:
    (folder := tmp_path / "folder").mkdir(mode=0o700)
    with answering(folder) as (place, _):
        for path in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
            path.chmod(0o711)
        os.seteuid(65534)
        try:
            error = refused(place, f"{tmp_path}/none")
        finally:
            os.seteuid(0)
    assert isinstance(error, UnansweredError)
    reason = "Permission denied (only its own user and root may: try sudo)"
    assert error.lines == (f"can't ask the proxy at {place}: {reason}",)


def test_the_first_place_where_a_proxy_is_is_kept(tmp_path: Path) -> None:
    with answering(tmp_path, ok(b"{}"), ok(b"{}")) as (place, _):
        asking = ControlClient((f"{tmp_path}/none", place))
        assert asking.ask("GET", "stats") == asking.ask("GET", "stats") == {}
        assert asking.place == place


def test_events_are_read_as_they_come(tmp_path: Path) -> None:
    events = b': events follow\n\nevent: finish\ndata: {}\n\n: no events\n\nevent: lost\ndata: {"events":2}\n\n'
    with answering(tmp_path, b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + events) as (place, _):
        assert list(ControlClient((place,)).events()) == [("finish", b"{}"), ("lost", b'{"events":2}')]


def test_events_that_are_refused_raise(tmp_path: Path) -> None:
    answer = ok(b'{"error": "16 clients read events already"}', "503 x")
    with answering(tmp_path, answer) as (place, _), pytest.raises(APIError, match="16 clients"):
        list(ControlClient((place,)).events())


def test_an_answer_of_another_version_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command, answers in (
        (("status",), (b'{"version": "9"}',)),
        (("connections",), (b'{"connections": [1]}',)),
        (("users", "link", "a"), (b'{"links": []}',)),
        (("top",), (b"{}", b"{}")),
    ):
        with answering(tmp_path, *map(ok, answers)) as (place, _):
            assert run(monkeypatch, *command, "--socket", place) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"mtg: the proxy at {place} gave an answer")
        Path(place).unlink()
