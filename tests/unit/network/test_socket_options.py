"""What is asked of the kernel, and that connections get it from their listener."""

from __future__ import annotations

import math
import socket
import weakref
from typing import Any

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.network import DEFAULT_SOCKET_OPTIONS, KeepAlive, SocketOptions

TCP = socket.IPPROTO_TCP
ALL = SocketOptions(
    keep_alive=KeepAlive(idle_seconds=21, interval_seconds=6.5, count=4),
    user_timeout_seconds=33.5,
    not_sent_low_water_bytes=70_000,
    congestion_control="reno",
)


def read(sock: socket.socket) -> dict[str, int | bytes]:
    names = ("TCP_NODELAY", "TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT", "TCP_NOTSENT_LOWAT")
    values: dict[str, int | bytes] = {name: sock.getsockopt(TCP, getattr(socket, name)) for name in names}
    values["SO_KEEPALIVE"] = sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    values["TCP_CONGESTION"] = sock.getsockopt(TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")
    return values


def kernels_congestion_control() -> bytes:
    with socket.socket() as sock:
        name: bytes = read(sock)["TCP_CONGESTION"]  # type: ignore[assignment]
    return name


ALL_AS_READ = {
    "TCP_NODELAY": 1,
    "SO_KEEPALIVE": 1,
    "TCP_KEEPIDLE": 21,
    "TCP_KEEPINTVL": 7,
    "TCP_KEEPCNT": 4,
    "TCP_USER_TIMEOUT": 33_500,
    "TCP_NOTSENT_LOWAT": 70_000,
    "TCP_CONGESTION": b"reno",
}


def test_all_options_are_set() -> None:
    with socket.socket() as sock:
        ALL.apply(sock)

        assert read(sock) == ALL_AS_READ


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_accepted_connections_inherit_what_visitors_may_have(host: str) -> None:
    """Neither probes nor a time-out, and the kernel's own pacing, as the fronting site's own connections."""
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        ALL.apply(listener)
        with socket.create_connection(listener.getsockname()[:2]):
            accepted, _ = listener.accept()
            with accepted:
                left_out = {"TCP_USER_TIMEOUT": 0, "TCP_CONGESTION": kernels_congestion_control()}
                assert read(accepted) == ALL_AS_READ | {"SO_KEEPALIVE": 0, **left_out}
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                assert read(accepted) == ALL_AS_READ | left_out


def test_what_is_none_is_left_to_the_system() -> None:
    none = SocketOptions(keep_alive=None, not_sent_low_water_bytes=None, congestion_control=None)
    with socket.socket() as untouched, socket.socket() as sock:
        none.apply(sock)

        assert read(sock) == read(untouched) | {"TCP_NODELAY": 1}


def test_the_defaults_probe_idle_connections_and_bound_what_waits() -> None:
    with socket.socket() as sock:
        DEFAULT_SOCKET_OPTIONS.apply(sock)
        values = read(sock)

    assert (values["SO_KEEPALIVE"], values["TCP_KEEPIDLE"], values["TCP_KEEPINTVL"]) == (1, 15, 15)
    assert (values["TCP_KEEPCNT"], values["TCP_NOTSENT_LOWAT"]) == (9, 131_072)
    assert DEFAULT_SOCKET_OPTIONS.congestion_control == "bbr", "which this kernel may lack"


def test_what_the_kernel_lacks_is_skipped_and_told_once(logger: RecordingLogger) -> None:
    options = SocketOptions(congestion_control="no-such-thing")
    for _ in range(3):
        with socket.socket() as sock:
            options.apply(sock, logger)
            assert read(sock)["TCP_NOTSENT_LOWAT"] == 131_072

    assert [(message.level, message.text) for message in logger.messages] == [
        ("debug", "this system doesn't support TCP_CONGESTION; it is not set")
    ]


def test_what_the_kernel_lacks_is_told_to_the_first_logger_that_there_is(logger: RecordingLogger) -> None:
    options, later = SocketOptions(congestion_control="no-such-thing"), RecordingLogger()
    for told in (None, None, logger, later):
        with socket.socket() as sock:
            options.apply(sock, told)

    assert ([message.level for message in logger.messages], later.messages) == (["debug"], [])


def test_a_socket_that_lacks_something_is_not_kept() -> None:
    with socket.socket() as sock:
        SocketOptions(congestion_control="no-such-thing").apply(sock)
        alone = weakref.ref(sock)
    del sock
    assert alone() is None


def test_what_python_does_not_know_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(socket, "TCP_USER_TIMEOUT")
    with socket.socket() as sock:
        SocketOptions(user_timeout_seconds=5).apply(sock)
        assert sock.getsockopt(TCP, socket.TCP_NODELAY) == 1


def test_what_a_logger_raises_is_ignored() -> None:
    class Broken(RecordingLogger):
        def debug(self, message: str, *, error: BaseException | None = None) -> None:
            raise ZeroDivisionError

    with socket.socket() as sock:
        SocketOptions(congestion_control="no-such-thing").apply(sock, Broken())


def test_sockets_of_other_kinds_are_left_alone(logger: RecordingLogger) -> None:
    options = SocketOptions()
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.socket() as sock:
        options.apply(ours, logger)
        options.apply(sock, logger)

        assert logger.messages == []
        assert sock.getsockopt(TCP, socket.TCP_NODELAY) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("user_timeout_seconds", value) for value in (0, -1, math.nan, math.inf, True, "5", 3e6)),
        *(("not_sent_low_water_bytes", value) for value in (0, -1, 2**31, 1.5, True)),
        *(("keep_alive", value) for value in (30, True, KeepAlive, {"count": 3})),
        *(("congestion_control", value) for value in ("", "x" * 16, "b\0r", "bbř", 5)),
    ],
)
def test_impossible_options_are_refused(field: str, value: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=f"^{field}: expected"):
        SocketOptions(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("idle_seconds", value) for value in (0, 32_768, math.nan)),
        ("interval_seconds", -1),
        *(("count", value) for value in (0, 128, 1.0)),
    ],
)
def test_impossible_probes_are_refused(field: str, value: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=f"^{field}: expected"):
        KeepAlive(**{field: value})
