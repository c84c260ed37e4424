"""The running program as an object: what its methods do, whoever calls them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtg.app import App, Phase
from mtg.build import Parts, build_parts
from mtg.config import config_from_table
from mtg.user_error import UserError
from mtglib.antireplay import Exact
from mtglib.events import Fanout
from mtglib.ipblocklist import FireHOL
from mtglib.noop import NoopLogger
from support.metrics_page import value
from support.ports import free_port

SECRET = mtglib.Secret(bytes(range(16)), "front.example")
CLIENT = ip_address("192.0.2.7")
LONG_SECONDS = 600.0


class Told(NoopLogger):
    """Sets an event when the program says that it stops."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()

    def info(self, message: str, *, error: BaseException | None = None) -> None:
        if message.startswith("shutting down"):
            self.stopping.set()


def parts(logger: mtglib.Logger = NoopLogger(), /, **table: Any) -> Parts:  # noqa: B008
    whole = {"secret": SECRET.hex(), "bind-to": "127.0.0.1:0", "network": {"dns": ""}, **table}
    return build_parts(config_from_table(whole, source="test"), logger=logger)


@pytest.fixture
def site() -> Iterator[socket.socket]:
    """Takes visitors, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


@asynccontextmanager
async def visited(
    site: socket.socket,
    logger: mtglib.Logger = NoopLogger(),  # noqa: B008
    **table: Any,
) -> AsyncIterator[App]:
    """A running program with a visitor, who stays."""
    fronting = {"ip": "127.0.0.1", "port": site.getsockname()[1]}
    async with visiting(parts(logger, **{"domain-fronting": fronting}, **table), site) as app:
        yield app


@asynccontextmanager
async def visiting(built: Parts, site: socket.socket) -> AsyncIterator[App]:
    """The same, of these parts."""
    app = App(built)
    listening: list[tuple[str, int]] = []
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(20):
        await app.start(lambda listeners: listening.extend(one.getsockname() for one in listeners))
        with socket.socket() as visitor:
            visitor.setblocking(False)
            await loop.sock_connect(visitor, listening[0])
            await loop.sock_sendall(visitor, b"GET / HTTP/1.1\r\n\r\n")
            fronted, _ = await loop.sock_accept(site)
            with fronted:
                yield app
        await app.stop(0)


async def test_its_status_tells_what_it_is_at(site: socket.socket) -> None:
    async with visited(site) as app:
        status = app.status()
        assert (status.phase, status.clients, status.visitors, status.events_dropped) == (Phase.RUNNING, 0, 1, 0)
        assert status.listens[0].startswith("127.0.0.1:")
        assert status.since_unix > 0
        assert status.relay_engine == mtglib.engine_description()
        assert await app.stop(0) == 0
        assert (app.status().phase, app.status().visitors) == (Phase.STOPPED, 0)


async def test_it_is_started_once() -> None:
    app = App(parts())
    assert app.status().phase is Phase.NEW
    await app.start()
    with pytest.raises(RuntimeError):
        await app.start()
    await app.stop()
    with pytest.raises(RuntimeError):
        await app.start()


async def test_the_less_patient_of_two_stops_decides(site: socket.socket) -> None:
    logger = Told()
    async with visited(site, logger) as app:
        patient, waiting = asyncio.create_task(app.stop(LONG_SECONDS)), asyncio.create_task(app.wait())
        await logger.stopping.wait()
        assert (app.status().phase, app.status().visitors) == (Phase.STOPPING, 1)
        assert await app.stop(0) == 0
        assert (await patient, await waiting) == (0, 0)


@pytest.mark.parametrize(
    ("graces", "lines"),
    [
        ([0], ["shutting down; open connections are closed now"]),
        ([LONG_SECONDS, 0], ["shutting down; open connections are closed now"]),  # two signals at once
        (
            [LONG_SECONDS, None, 0, 0],
            [
                "shutting down; open connections have 600 s to finish",
                "shutting down sooner; open connections are closed now",
            ],
        ),
    ],
)
async def test_the_log_says_in_order_how_it_ends(
    site: socket.socket, graces: list[float | None], lines: list[str]
) -> None:
    logger = RecordingLogger()
    async with visited(site, logger) as app:
        stops = []
        for grace_seconds in graces:
            if grace_seconds is None:
                while app.status().phase is not Phase.STOPPING:
                    await asyncio.sleep(0)
            else:
                stops.append(asyncio.create_task(app.stop(grace_seconds)))
        await asyncio.gather(*stops)
    said = [message for message in logger.messages if message.level == "info" and not message.name]
    texts = [message.text for message in said]
    assert texts[texts.index(lines[0]) :] == [*lines, "mtg has stopped"]
    assert said[-1].fields == {"connections_ended": 1}


async def test_it_can_be_stopped_while_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    loading = asyncio.Event()

    async def load(_: Exact) -> None:
        loading.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Exact, "load", load)
    app = App(parts())
    async with asyncio.timeout(20):
        starting = asyncio.create_task(app.start())
        await loading.wait()
        assert app.status().phase is Phase.STARTING
        assert await app.stop() == 0
        await starting
        assert await app.wait() == 0


async def test_a_start_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        app = App(parts(**{"bind-to": [f"unix:{tmp_path}/socket", f"127.0.0.1:{taken.getsockname()[1]}"]}))
        with pytest.raises(
            UserError, match=r"^test: bind-to: can't listen on .*: another program is using this address"
        ):
            await app.start()
    assert app.status().phase is Phase.STOPPED
    assert list(tmp_path.iterdir()) == []
    assert await app.stop() == 1


async def test_a_taken_address_of_the_metrics_is_named_by_its_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        metrics = {"enabled": True, "bind-to": f"127.0.0.1:{taken.getsockname()[1]}"}
        app = App(parts(stats={"prometheus": metrics}))
        with pytest.raises(UserError, match=r"^test: stats.prometheus.bind-to: can't listen on 127.0.0.1:"):
            await app.start()


async def test_a_successor_has_the_state_directory_while_streams_are_given_their_grace(
    site: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed, close = asyncio.Event(), Exact.close

    async def watched(self: Exact) -> None:
        await close(self)
        closed.set()

    monkeypatch.setattr(Exact, "close", watched)
    state: dict[str, Any] = {"state-directory": str(tmp_path)}
    async with visited(site, **state) as app:
        stopping = asyncio.create_task(app.stop(LONG_SECONDS))
        await closed.wait()
        assert (app.status().phase, app.status().visitors) == (Phase.STOPPING, 1)
        successor = App(parts(**state))
        await successor.start()
        await successor.stop()
        await app.stop(0)
        await stopping


async def test_after_a_start_that_failed_another_process_can_have_the_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Fanout) -> Fanout:
        raise OSError("no threads")

    state = {"state-directory": str(tmp_path)}
    with monkeypatch.context() as patched:
        patched.setattr(Fanout, "__aenter__", fail)
        with pytest.raises(OSError, match="no threads"):
            await App(parts(**state)).start()
    successor = App(parts(**state))
    await successor.start()
    await successor.stop()


async def test_when_listening_breaks_it_stops_and_says_so() -> None:
    def shut(listeners: Sequence[socket.socket]) -> None:
        broken.extend(listeners)

    broken: list[socket.socket] = []
    codes: list[int] = []
    app = App(parts(), on_served=codes.append)
    async with asyncio.timeout(20):
        await app.start(shut)
        broken[0].shutdown(socket.SHUT_RDWR)
        assert await app.wait() == 1
    assert codes == [1]


async def test_the_page_of_metrics_is_closed_at_the_end(site: socket.socket) -> None:
    port = free_port()
    page = {"prometheus": {"enabled": True, "bind-to": f"127.0.0.1:{port}"}}
    async with visited(site, stats=page) as app:
        await app.stop(0)
    with socket.create_server(("127.0.0.1", port)):  # it is free again
        pass


async def test_what_the_proxy_could_not_send_is_among_what_was_dropped(
    site: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(_: Fanout, __: mtglib.Event) -> None:
        raise OSError("broken")

    monkeypatch.setattr(Fanout, "send", send)
    fronting = {"ip": "127.0.0.1", "port": site.getsockname()[1]}
    built = parts(**{"domain-fronting": fronting}, stats={"prometheus": {"enabled": True, "bind-to": "127.0.0.1:1"}})
    built = replace(built, metrics_listens=())
    async with visiting(built, site) as app:
        assert built.fanout.dropped == 0
        assert built.prometheus is not None
        assert value(built.prometheus.render(), "mtg_events_dropped") == app.status().events_dropped > 0


def with_allowlist(path: Path) -> tuple[Parts, FireHOL]:
    built = parts(defense={"allowlist": {"enabled": True, "urls": [str(path)]}})
    ((ip_list, _),) = built.ip_lists
    return built, ip_list


async def test_lists_are_read_again_when_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("192.0.2.0/24\n")
    built, ip_list = with_allowlist(path)
    app = App(built)
    async with asyncio.timeout(20):
        await app.start()
        assert ip_list.contains(CLIENT)
        path.write_text("198.51.100.0/24\n")
        await app.reload_lists()
        assert not ip_list.contains(CLIENT)
        await app.stop()
        path.write_text("192.0.2.0/24\n")
        await app.reload_lists()
        assert not ip_list.contains(CLIENT), "it has ended"


async def test_reloads_during_a_reload_are_one_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    updates = 0
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def update(_: FireHOL) -> None:
        nonlocal updates
        updates += 1
        begun.set()
        await may_end.wait()

    built, _ = with_allowlist(tmp_path / "list")
    app = App(built)
    async with asyncio.timeout(20):
        await app.start()
        monkeypatch.setattr(FireHOL, "update", update)
        first = asyncio.create_task(app.reload_lists())
        await begun.wait()
        others = [asyncio.create_task(app.reload_lists()) for _ in range(3)]
        may_end.set()
        await asyncio.gather(first, *others)
        await app.stop()
    assert updates == 2


async def test_a_reload_that_hangs_is_over_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = asyncio.Event()

    async def update(_: FireHOL) -> None:
        begun.set()
        await asyncio.Event().wait()

    built, _ = with_allowlist(tmp_path / "list")
    app = App(built)
    async with asyncio.timeout(20):
        await app.start()
        monkeypatch.setattr(FireHOL, "update", update)
        reloads = [asyncio.create_task(app.reload_lists()) for _ in range(2)]
        await begun.wait()
        await app.stop()
        await asyncio.gather(*reloads)
