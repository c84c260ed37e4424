"""Listening sockets."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtg import run
from mtg.client_tcp import ClientTCP
from mtg.config import config_from_table
from mtg.config.addresses import ListenIP, ListenUnix
from mtg.listeners import address_text, open_listener, open_listeners
from mtg.user_error import UserError
from support import sockets
from support.ports import free_port

KEY = "c.toml: bind-to"
UNIX_IN_USE = "another program is using this socket, or the file isn't a socket$"


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of 127.0.0.1 that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def port_of(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


def connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_port_0_becomes_a_real_one_and_all_are_closed_at_the_end() -> None:
    with open_listeners([ListenIP("127.0.0.1", 0), ListenIP("127.0.0.1", 0)], KEY) as (first, second):
        assert address_text(first) == f"127.0.0.1:{port_of(first)}"
        assert port_of(first) != port_of(second)
        assert first.getblocking() is False
    assert (first.fileno(), second.fileno()) == (-1, -1)


def test_the_ipv6_wildcard_takes_ipv4_too() -> None:
    with open_listeners([ListenIP("::", 0)], KEY) as (listener,):
        assert address_text(listener) == f"[::]:{port_of(listener)}"
        assert connects("127.0.0.1", port_of(listener))
        assert connects("::1", port_of(listener))


def test_ipv4_on_another_port_changes_nothing_of_that() -> None:
    for other_port in (0, free_port()):
        with open_listeners([ListenIP("::", 0), ListenIP("127.0.0.1", other_port)], KEY) as (listener, _):
            assert connects("127.0.0.1", port_of(listener))


def test_both_wildcards_on_one_port_go_together() -> None:
    port = sockets.port_free_on("0.0.0.0", "::")
    with open_listeners([ListenIP("::", port), ListenIP("0.0.0.0", port)], KEY) as listeners:
        assert [listener.family for listener in listeners] == [socket.AF_INET6, socket.AF_INET]


def test_a_taken_port_is_one_line_and_nothing_stays_open(taken: int) -> None:
    with (
        pytest.raises(
            UserError, match=rf"^{KEY}: can't listen on 127.0.0.1:{taken}: another program is using this address$"
        ) as raised,
        open_listeners([ListenIP("127.0.0.1", 0), ListenIP("127.0.0.1", taken)], KEY),
    ):
        pass
    assert raised.value.exit_code == 1
    assert len(raised.value.lines) == 1


def test_a_secret_in_place_of_a_path_is_not_shown(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=rf"^{KEY}: can't listen on \*\*\*: No such file or directory$"),
        open_listeners([ListenUnix(f"{tmp_path}/missing/x{'0123456789abcdef' * 2}")], KEY),
    ):
        pass


def test_an_address_of_another_machine_is_one_line() -> None:
    with (
        pytest.raises(UserError, match="this machine has no such address"),
        open_listeners([ListenIP("192.0.2.77", 0)], KEY),
    ):
        pass


def test_a_unix_socket_is_removed_at_the_end(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with open_listeners([ListenUnix(path)], KEY) as (listener,):
        assert address_text(listener) == f"unix:{path}"
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
    assert not os.path.exists(path)


def test_a_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    with open_listeners([ListenUnix(path)], KEY):
        assert os.path.exists(path)


def test_a_unix_socket_in_use_is_one_line_and_stays(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen()
        with pytest.raises(UserError, match=UNIX_IN_USE), open_listeners([ListenUnix(path)], KEY):
            pass
        assert os.path.exists(path)


def test_a_file_in_the_way_is_one_line_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("precious")
    with pytest.raises(UserError, match=UNIX_IN_USE), open_listeners([ListenUnix(str(path))], KEY):
        pass
    assert path.read_text() == "precious"


def test_a_successors_unix_socket_is_not_removed(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with open_listeners([ListenUnix(path)], KEY), socket.socket(socket.AF_UNIX) as successor:
        os.rename(path, f"{path}.old")
        successor.bind(path)
    assert os.path.exists(path)


class EnoughSeenError(Exception):
    """The program listens; it needn't serve."""


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch, logger: RecordingLogger) -> Iterator[Callable[..., list[list[int]]]]:
    """Run the program until it listens; returns some options of each listener."""
    monkeypatch.setattr(run, "build_logger", lambda _: logger)
    monkeypatch.setattr(run, "raise_file_limit", lambda: 100_000)
    numbers = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
    handlers = [signal.getsignal(number) for number in numbers]

    def until_it_listens(*bind_to: str, options: Sequence[int], **more: object) -> list[list[int]]:
        seen: list[list[int]] = []

        def look(listeners: Sequence[socket.socket]) -> None:
            seen.extend([one.getsockopt(socket.IPPROTO_TCP, option) for option in options] for one in listeners)
            raise EnoughSeenError

        table = {"secret": mtglib.Secret.generate("front.example").hex(), "bind-to": list(bind_to), **more}
        with pytest.raises(EnoughSeenError):
            run.run_proxy(config_from_table(table, source="test"), on_listening=look)
        return seen

    yield until_it_listens
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


def test_the_programs_listeners_have_the_options_of_both_legs(listening: Callable[..., list[list[int]]]) -> None:
    options = (socket.TCP_NODELAY, socket.TCP_NOTSENT_LOWAT, socket.TCP_KEEPIDLE)

    assert listening("127.0.0.1:0", "[::1]:0", options=options) == [[1, 131_072, 15]] * 2


def test_the_programs_listeners_have_the_configured_segment_size(listening: Callable[..., list[list[int]]]) -> None:
    network = {"client-tcp": {"mss": 1400}}

    assert listening("127.0.0.1:0", "[::1]:0", options=(socket.TCP_MAXSEG,), network=network) == [[1400]] * 2


def test_a_unix_socket_has_no_segments_and_no_window(tmp_path: Path) -> None:
    with open_listeners([ListenUnix(str(tmp_path / "s"))], KEY, ClientTCP(1400, 4096)) as (listener,):
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def test_a_kernel_that_cannot_widen_the_window_again_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtg.client_tcp._SO_BUF_LOCK", 0x7FFF)  # no kernel knows that
    with (
        pytest.raises(UserError, match=r"^network.client-tcp.window: expected 0 on this system, as it takes Linux"),
        open_listeners([ListenIP("127.0.0.1", 0)], KEY, ClientTCP(window_bytes=4096)),
    ):
        pass


def test_what_the_kernel_lacks_for_listeners_is_one_line_of_the_program(
    listening: Callable[..., list[list[int]]], monkeypatch: pytest.MonkeyPatch, logger: RecordingLogger
) -> None:
    monkeypatch.delattr(socket, "TCP_NOTSENT_LOWAT")
    listening("127.0.0.1:0", "[::1]:0", options=())

    told = [(message.level, message.text) for message in logger.messages if "doesn't support" in message.text]
    assert told == [("debug", "this system doesn't support TCP_NOTSENT_LOWAT; it is not set")]


def test_a_listener_follows_what_connections_are_to_have() -> None:
    with open_listeners([ListenIP("127.0.0.1", 0)], KEY) as (listener,):
        before = (mss_of(listener), listener.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF))
        small = ClientTCP(1200, 4096)
        small.follow(ClientTCP(), listener)
        assert mss_of(listener) <= 1200
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 8192
        ClientTCP().follow(small, listener)
        assert (mss_of(listener), listener.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)) == before


def mss_of(listener: socket.socket) -> int:
    """The segment size of a connection that was accepted."""
    with socket.create_connection(listener.getsockname()) as client, listener.accept()[0]:
        return min(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG), 32_768)


def test_a_port_is_shared_for_a_moment_only() -> None:
    with open_listeners([ListenIP("0.0.0.0", 0)], KEY) as (wide,):
        port = wide.getsockname()[1]
        narrow = ListenIP("127.0.0.1", port)
        with open_listener(narrow, [narrow], KEY, beside=[wide]) as listener:
            for each in (wide, listener):
                assert each.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) == 0
            with pytest.raises(UserError, match="another program is using this address"), open_listeners([narrow], KEY):
                pass
