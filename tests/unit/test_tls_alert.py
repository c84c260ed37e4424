"""What a client gets last whose record a TLS server would refuse."""

from __future__ import annotations

import socket
from contextlib import suppress

from mtglib.tls_alert import send_alert
from support.tls_records import looks_like_alert
from unit.surroundings import nonblocking_pair


def filled(sock: socket.socket) -> socket.socket:
    with suppress(BlockingIOError):
        while True:
            sock.send(bytes(1 << 16))
    return sock


def test_it_is_one_record_and_another_one_each_time() -> None:
    alerts = set()
    for _ in range(3):
        ours, peer = nonblocking_pair()
        with ours, peer:
            send_alert(ours)
            alerts.add(peer.recv(100))

    assert all(looks_like_alert(alert) for alert in alerts)
    assert len(alerts) == 3


def test_a_peer_that_takes_nothing_or_is_gone_gets_none() -> None:
    ours, peer = nonblocking_pair()
    with ours:
        send_alert(filled(ours))
        peer.close()
        send_alert(ours)
    send_alert(ours)
