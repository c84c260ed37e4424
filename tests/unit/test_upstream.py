"""Dialling one address with a network that may be a user's."""

from __future__ import annotations

import socket
import ssl

import pytest

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.ground.guarded_logger import Warnings
from mtglib.upstream import dial
from unit.scripted_dials import ScriptedNetwork, connected, unconnected


async def test_a_socket_in_tls_is_refused_and_closed(warnings: Warnings, logger: RecordingLogger) -> None:
    ours, peer = socket.socketpair()
    sock = ssl.create_default_context().wrap_socket(ours, server_hostname="a.example", do_handshake_on_connect=False)

    async def in_tls() -> socket.socket:
        return sock

    with pytest.raises(mtglib.UpstreamError, match=r"^ScriptedNetwork\.dial failed: TypeError$"):
        await dial(ScriptedNetwork(in_tls), "front.example", 443, 5.0, warnings)

    text = "expected a plain socket.socket (for anything else, see socket_from_streams), got SSLSocket"
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
