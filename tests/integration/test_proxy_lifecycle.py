"""How a proxy begins, goes on and ends, and that nothing is left of it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

import mtglib
from integration.event_rules import names
from integration.routed_network import OnlyThese
from integration.stage import HOST, stage, tcp_pair
from support import sockets
from support.faketls_client import ClientOptions, FakeTLSClient

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])

GARBAGE = b"GET / HTTP/1.1\r\n\r\n"


async def check_echo(client: FakeTLSClient) -> None:
    await client.send(b"in")
    assert await client.recv_exactly(2) == b"in"


async def test_several_listeners_are_served_at_once(relay: str) -> None:
    async with stage(relay) as around:
        listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
        serving = [asyncio.create_task(around.proxy.serve(listener)) for listener in listeners]
        for listener in listeners:
            port = listener.getsockname()[1]
            async with await FakeTLSClient.connect("127.0.0.1", port, around.secret) as client:
                await check_echo(client)
        await check_echo(await around.client())

        await around.proxy.shutdown()
        await asyncio.gather(*serving)
        for listener in listeners:
            assert listener.fileno() >= 0  # it stays the caller's
            listener.close()


async def test_unix_listener_has_clients_without_an_address(relay: str, tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "proxy"))
    listener.listen()
    allowlist = OnlyThese("192.0.2.1")
    async with stage(relay, ip_allowlist=allowlist) as around:
        serving = asyncio.create_task(around.proxy.serve(listener))
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, str(tmp_path / "proxy"))
        client = await FakeTLSClient(sock, around.secret).handshake()
        await check_echo(client)
        client.close()

        await around.finished()
        assert [start.remote_ip for start in around.events.of(mtglib.EventStart)] == [None]
        assert allowlist.asked == []
        await around.proxy.shutdown()
        await serving
        listener.close()


async def test_socketpair_can_be_served(relay: str) -> None:
    async with stage(relay) as around:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        serving = asyncio.create_task(around.proxy.serve_conn(theirs))
        client = await FakeTLSClient(ours, around.secret, options=ClientOptions(segment_bytes=50)).handshake()
        await check_echo(client)
        client.close()
        await serving

        assert theirs.fileno() == -1
        assert [start.remote_ip for start in around.events.of(mtglib.EventStart)] == [None]
        assert names(around.events.events)[-1] == "Finish"


async def test_serve_conn_takes_blocking_sockets(relay: str) -> None:
    async with stage(relay) as around:
        ours, theirs = await tcp_pair()
        theirs.setblocking(True)
        serving = asyncio.create_task(around.proxy.serve_conn(theirs))
        client = await FakeTLSClient(ours, around.secret).handshake()
        await check_echo(client)
        client.close()
        await serving


async def test_serve_conn_raises_nothing(relay: str) -> None:
    async with stage(relay) as around:
        ours, theirs = await tcp_pair()
        sockets.reset(ours)
        await around.proxy.serve_conn(theirs)
        unconnected = socket.socket()
        await around.proxy.serve_conn(unconnected)
        closed = socket.socket()
        closed.close()
        await around.proxy.serve_conn(closed)

        assert theirs.fileno() == unconnected.fileno() == -1


async def test_shutdown_may_be_called_again(relay: str) -> None:
    async with stage(relay) as around:
        await check_echo(await around.client())

        for _ in range(3):
            await around.proxy.shutdown()
        await asyncio.gather(around.proxy.shutdown(), around.proxy.shutdown(1.0))


async def test_shutdown_of_a_proxy_that_never_served(relay: mtglib.RelayChoice) -> None:
    proxy = mtglib.Proxy(mtglib.ProxyOpts.with_defaults(mtglib.Secret.generate(HOST), relay=relay))

    await proxy.shutdown()
    await proxy.shutdown(1.0)


async def test_shutdown_within_its_grace_lets_streams_end_and_none_begin(relay: str) -> None:
    async with stage(relay) as around:
        client = await around.client()
        await check_echo(client)
        shutting_down = asyncio.create_task(around.proxy.shutdown(grace_seconds=30.0))
        await asyncio.sleep(0)
        late = await around.stranger(GARBAGE)
        await check_echo(client)
        assert not shutting_down.done()

        client.close()
        await shutting_down

        assert names(around.events.events) == ["Start", "ConnectedToDC", "Traffic", "Finish"]
        assert late.fileno() >= 0


async def test_shutdown_ends_what_is_left_after_its_grace(relay: str) -> None:
    async with stage(relay) as around:
        client = await around.client()
        silent = await around.stranger()
        await check_echo(client)

        await around.proxy.shutdown(grace_seconds=0.05)

        assert await client.recv_until_end() == sockets.Received(b"", "eof")
        assert await sockets.recv_until_end(silent) == sockets.Received(b"", "eof")
        assert len(around.events.of(mtglib.EventFinish)) == 2


async def test_second_shutdown_without_patience_ends_the_first(relay: str) -> None:
    async with stage(relay) as around:
        client = await around.client()
        await check_echo(client)
        patient = asyncio.create_task(around.proxy.shutdown(grace_seconds=3600.0))
        await asyncio.sleep(0)

        await around.proxy.shutdown()

        await patient
        assert await client.recv_until_end() == sockets.Received(b"", "eof")


async def test_context_manager_shuts_down(relay: mtglib.RelayChoice) -> None:
    async with stage(relay) as around:
        options = mtglib.ProxyOpts.with_defaults(
            around.secret,
            relay=relay,
            dc_overrides={2: [around.dc.address]},
            event_stream=around.events,
            logger=around.log,
            front_learning=None,
        )
        ours, theirs = await tcp_pair()
        async with mtglib.Proxy(options) as proxy:
            serving = asyncio.create_task(proxy.serve_conn(theirs))
            client = await FakeTLSClient(ours, around.secret).handshake()
            await check_echo(client)

        assert names(around.events.events)[-1] == "Finish"
        await serving
        client.close()


async def test_proxy_that_was_shut_down_cannot_serve(relay: str) -> None:
    async with stage(relay) as around:
        await around.proxy.shutdown()

        with pytest.raises(mtglib.ProxyShutDownError):
            await around.proxy.serve(around.listener)
        ours, theirs = await tcp_pair()
        await around.proxy.serve_conn(theirs)
        assert await sockets.recv_until_end(ours) == sockets.Received(b"", "eof")
        assert around.events.events == []
        sockets.close(ours)


async def test_serve_that_is_cancelled_leaves_listener_and_streams_alone(relay: str) -> None:
    async with stage(relay) as around:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            serving = asyncio.create_task(around.proxy.serve(listener))
            client = await FakeTLSClient.connect("127.0.0.1", port, around.secret)
            await check_echo(client)
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving
            await check_echo(client)
            client.close()

            again = asyncio.create_task(around.proxy.serve(listener))
            async with await FakeTLSClient.connect("127.0.0.1", port, around.secret) as client:
                await check_echo(client)
            await around.proxy.shutdown()
            await again


async def test_a_new_proxy_takes_a_listener_over_from_an_old_one(relay: mtglib.RelayChoice) -> None:
    async with stage(relay) as around:
        opts = mtglib.ProxyOpts.with_defaults(
            around.secret, relay=relay, dc_overrides={2: [around.dc.address]}, front_learning=None
        )
        async with mtglib.Proxy(opts) as new:
            serving = asyncio.create_task(new.serve(around.listener))
            client = await around.client()
            await check_echo(client)

            await around.proxy.shutdown()

            for _ in range(3):
                await check_echo(await around.client())
        await serving


async def test_a_listener_that_is_closed_while_it_is_served_goes_on_until_shutdown(relay: mtglib.RelayChoice) -> None:
    async with stage(relay) as around:
        port, fd = around.port, around.listener.fileno()
        around.listener.close()
        opts = mtglib.ProxyOpts.with_defaults(
            around.secret, relay=relay, dc_overrides={2: [around.dc.address]}, front_learning=None
        )
        with socket.create_server(("127.0.0.1", 0)) as listener:
            assert listener.fileno() == fd
            async with mtglib.Proxy(opts) as other:
                serving = asyncio.create_task(other.serve(listener))
                for each in (port, listener.getsockname()[1], port):
                    async with await FakeTLSClient.connect("127.0.0.1", each, around.secret) as client:
                        await check_echo(client)
            await serving

        await around.proxy.shutdown()
        with pytest.raises(ConnectionRefusedError):
            await sockets.connect("127.0.0.1", port)


async def test_accepting_that_breaks_for_good_is_an_oserror(relay: str) -> None:
    async with stage(relay) as around:
        with socket.socket() as not_listening, pytest.raises(OSError):
            await around.proxy.serve(not_listening)
        closed = socket.create_server(("127.0.0.1", 0))
        closed.close()
        with pytest.raises(OSError):
            await around.proxy.serve(closed)

        await check_echo(await around.client())


async def test_relay_that_cannot_be_made_costs_its_connection_alone(
    relay: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "mtglib.relay.choice.native.NativeRelay" if relay == "native" else "mtglib.relay.choice.PureRelay"

    def fail() -> None:
        raise OSError(24, "Too many open files")

    async with stage(relay, warnings=True) as around:
        with monkeypatch.context() as patch:
            patch.setattr(name, fail)
            client = await around.client()
            assert (await client.recv_until_end()).data == b""

        await check_echo(await around.client())


async def test_relay_engine_is_named(relay: str) -> None:
    async with stage(relay) as around:
        assert around.proxy.relay_engine == {"native": "native", "pure": "pure (asked for)"}[relay]
