"""A benchmark whose load isn't there fails: its number would say nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from benchmarks.peers import deliveries, empty_records, visitors
from benchmarks.peers.dc import running_dc
from benchmarks.peers.errors import RelayError

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A client of the load and the proxy's end of its connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        proxy, _ = listener.accept()
    with client, proxy:
        client.setblocking(False)
        yield client, proxy


def test_senders_whose_records_nobody_reads_are_an_error(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(empty_records, "_senders", [pair[0]])

    with pytest.raises(RelayError, match="1 of 1 senders of empty records were stuck"):
        empty_records.send_empty_records(0.1, 0.01)


def test_senders_that_were_reset_are_an_error(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(empty_records, "_senders", [pair[0]])
    pair[1].close()

    with pytest.raises(RelayError, match="reset"):
        empty_records.send_empty_records(0.1, 0.01)


def test_visitors_that_were_ended_are_an_error(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "_visitors", [pair[0]])
    pair[1].close()

    with pytest.raises(RelayError, match="1 of 1 visitors"):
        visitors.close_visitors()


def test_a_delivery_is_something_to_read_on_an_open_connection(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "_clients", [pair[0]])
    nothing = deliveries.count_unread()
    pair[1].send(b"data")
    something = deliveries.count_unread()
    pair[1].close()

    assert (nothing, something, deliveries.count_unread()) == (0, 1, 0)


def test_a_dc_that_ended_is_an_error() -> None:
    with running_dc(_end_at_once) as dc:
        dc._process.join()

        with pytest.raises(RelayError, match="the DC's process has ended"):
            dc.check()


def _end_at_once(*_arguments: object) -> None: ...
