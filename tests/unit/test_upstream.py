"""Dialling with a network that may be a user's: addresses in turn, within bounds."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from ipaddress import ip_address
from typing import Any

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.dc import DCAddress, DCChoice
from mtglib.guards import Warnings
from mtglib.upstream import dial, dial_dc
from unit.recorders import said

Answer = Callable[[], Awaitable[Any]]


class ScriptedNetwork:
    """A network whose n-th dial does what the n-th of `answers` does."""

    def __init__(self, *answers: Answer) -> None:
        self.dialled: list[tuple[str, int, float]] = []
        self._answers = list(answers)

    async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
        self.dialled.append((host, port, timeout_seconds))
        sock: socket.socket = await self._answers.pop(0)()
        return sock

    def http_client(self, dial: Any = None) -> AbstractAsyncContextManager[Any]:
        raise NotImplementedError


async def connected() -> socket.socket:
    ours, other = socket.socketpair()
    other.close()
    return ours


async def unconnected() -> socket.socket:
    return socket.socket()


async def refused() -> None:
    raise ConnectionRefusedError("refused")


async def silent() -> None:
    await asyncio.get_running_loop().create_future()


async def broken() -> None:
    raise ZeroDivisionError("a fault of the network's own")


async def no_socket() -> str:
    return "a socket, really"


CHOICE = DCChoice(2, 2, tuple(DCAddress(ip_address(f"192.0.2.{n}"), 443 + n) for n in range(1, 4)))


async def test_addresses_are_tried_in_their_order(warnings: Warnings) -> None:
    network = ScriptedNetwork(refused, refused, connected)

    sock, address = await dial_dc(network, CHOICE, 5.0, warnings)

    with sock:
        assert address == CHOICE.addresses[2]
        assert [(host, port) for host, port, _ in network.dialled] == [
            ("192.0.2.1", 444),
            ("192.0.2.2", 445),
            ("192.0.2.3", 446),
        ]
        assert all(0 < timeout <= 5.0 for _, _, timeout in network.dialled)
        assert sock.gettimeout() == 0, "made non-blocking, also if the network forgot"


async def test_if_none_answers_the_error_names_all(warnings: Warnings, logger: RecordingLogger) -> None:
    network = ScriptedNetwork(refused, refused, refused)

    with pytest.raises(mtglib.UpstreamError) as caught:
        await dial_dc(network, CHOICE, 5.0, warnings)

    failures = "; ".join(f"192.0.2.{n} port {443 + n}: refused" for n in (1, 2, 3))
    assert str(caught.value) == f"DC 2 can't be reached ({failures})"
    assert logger.messages == []


async def test_a_silent_address_costs_its_time_and_all_together_twice_that(warnings: Warnings) -> None:
    network = ScriptedNetwork(silent, silent, silent)

    with pytest.raises(mtglib.UpstreamError, match=r"DC 2 can't be reached \(192\.0\.2\.1 port 444: "):
        await dial_dc(network, CHOICE, 0.02, warnings)

    assert len(network.dialled) <= 3
    assert sum(timeout for _, _, timeout in network.dialled) <= 0.04 + 1e-6


async def test_a_time_out_is_called_one(warnings: Warnings) -> None:
    network = ScriptedNetwork(silent, refused, refused)

    with pytest.raises(mtglib.UpstreamError, match=r"192\.0\.2\.1 port 444: time-out; 192\.0\.2\.2 port 445: refused"):
        await dial_dc(network, CHOICE, 0.02, warnings)


async def test_what_the_network_says_of_a_time_out_is_heard(warnings: Warnings) -> None:
    class Slow(ScriptedNetwork):
        async def dial(self, host: str, port: int, *, timeout_seconds: float) -> socket.socket:
            try:
                async with asyncio.timeout(timeout_seconds):
                    return await super().dial(host, port, timeout_seconds=timeout_seconds)
            except TimeoutError:
                raise TimeoutError("the tunnel's far end is silent") from None

    with pytest.raises(mtglib.UpstreamError, match=r"444: the tunnel's far end is silent; .*: refused; .*: refused"):
        await dial_dc(Slow(silent, refused, refused), CHOICE, 0.02, warnings)


async def test_after_a_time_out_the_next_address_is_tried(warnings: Warnings) -> None:
    network = ScriptedNetwork(silent, connected)

    sock, address = await dial_dc(network, CHOICE, 0.02, warnings)

    sock.close()
    assert address == CHOICE.addresses[1]


@pytest.mark.parametrize(("misbehave", "kind"), [(broken, "ZeroDivisionError"), (no_socket, "TypeError")])
async def test_a_network_that_misbehaves_ends_the_stream(
    misbehave: Answer, kind: str, warnings: Warnings, logger: RecordingLogger
) -> None:
    network = ScriptedNetwork(misbehave, connected)

    with pytest.raises(mtglib.UpstreamError, match=rf"^ScriptedNetwork\.dial failed: {kind}$"):
        await dial_dc(network, CHOICE, 5.0, warnings)

    assert len(network.dialled) == 1, "what isn't a refusal isn't tried elsewhere"
    assert said(logger) == [("warning", f"ScriptedNetwork.dial failed: {kind}")]


async def test_a_socket_in_tls_is_refused_and_closed(warnings: Warnings, logger: RecordingLogger) -> None:
    ours, peer = socket.socketpair()
    sock = ssl.create_default_context().wrap_socket(ours, server_hostname="a.example", do_handshake_on_connect=False)

    async def in_tls() -> socket.socket:
        return sock

    with pytest.raises(mtglib.UpstreamError, match=r"^ScriptedNetwork\.dial failed: TypeError$"):
        await dial(ScriptedNetwork(in_tls), "front.example", 443, 5.0, warnings)

    text = "expected a plain socket.socket (for what isn't one see socket_from_streams), got SSLSocket"
    assert [message.error for message in logger.messages] == [repr(TypeError(text))]
    assert sock.fileno() == -1
    peer.close()


async def test_a_socket_that_is_not_connected_is_no_connection(warnings: Warnings) -> None:
    with pytest.raises(OSError, match="the network's socket isn't connected"):
        await dial(ScriptedNetwork(unconnected), "192.0.2.1", 443, 5, warnings)


async def test_a_name_goes_to_the_network_as_it_is(warnings: Warnings) -> None:
    network = ScriptedNetwork(connected)

    (await dial(network, "front.example", 8443, 7.0, warnings)).close()

    assert network.dialled == [("front.example", 8443, 7.0)]
