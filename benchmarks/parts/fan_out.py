"""What an event costs: to send it, and all in, with both observers that come with mtglib."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

import mtglib
from benchmarks.parts.line import Line, nanoseconds_each
from benchmarks.parts.udp_sink import udp_sink
from mtglib.events import Fanout
from mtglib.stats import Prometheus, Statsd


def measure_fan_out(quick: bool) -> Iterator[Line]:
    """Streams of five events, as most are."""
    streams = 100 if quick else 10_000
    events = [event for number in range(streams) for event in _stream(str(number))]
    with udp_sink() as sink:

        async def send() -> None:
            fanout = Fanout([Prometheus(), Statsd("127.0.0.1", sink.port)], max_queued_events=len(events) + 1)
            for event in events:
                fanout.send(event)
            if fanout.dropped:
                raise RuntimeError(f"{fanout.dropped} events were dropped")

        async def send_and_observe() -> None:
            prometheus, statsd = Prometheus(), Statsd("127.0.0.1", sink.port)
            async with statsd, Fanout([prometheus, statsd], max_queued_events=len(events) + 1) as fanout:
                for event in events:
                    fanout.send(event)
            if f'mtg_connections_finished{{reason="client_eof"}} {streams}'.encode() not in prometheus.render():
                raise RuntimeError("events were lost")

        yield Line("event, sent to two observers", nanoseconds_each(lambda: asyncio.run(send()), len(events)), "ns")
        all_in = nanoseconds_each(lambda: asyncio.run(send_and_observe()), len(events))
        sink.check()
        yield Line("event, sent, delivered to both and counted", all_in, "ns")


def _stream(stream_id: str) -> Sequence[mtglib.Event]:
    client, dc = ip_address("192.0.2.1"), ip_address("192.0.2.2")
    return (
        mtglib.EventStart(stream_id=stream_id, remote_ip=client),
        mtglib.EventConnectedToDC(stream_id=stream_id, remote_ip=dc, dc=2, handshake_seconds=0.1, dial_seconds=0.01),
        mtglib.EventTraffic(stream_id=stream_id, traffic_bytes=1, is_read=False),
        mtglib.EventTraffic(stream_id=stream_id, traffic_bytes=1, is_read=True),
        mtglib.EventFinish(stream_id=stream_id, reason=mtglib.Reason.CLIENT_EOF, dc=2),
    )
