"""What events say of data centres and the site."""

from __future__ import annotations

from ipaddress import ip_address

from mtg.control.observed import DCHealth, FrontHealth, Observed
from mtglib import EventConnectedToDC, EventDomainFronting, EventFinish, EventStart, EventTraffic, Reason

DC = ip_address("192.0.2.50")


async def test_a_clients_stream_says_how_its_data_centre_is() -> None:
    observed = Observed()
    await observed.observe(
        [
            EventStart(stream_id="a", timestamp=1, remote_ip=None),
            EventConnectedToDC(stream_id="a", timestamp=2, remote_ip=DC, dc=4, dial_seconds=0.25),
            EventTraffic(stream_id="a", timestamp=3, traffic_bytes=10, is_read=True),
            EventTraffic(stream_id="a", timestamp=4, traffic_bytes=7, is_read=False),
            EventTraffic(stream_id="a", timestamp=5, traffic_bytes=10, is_read=True),
            EventFinish(stream_id="a", timestamp=6, reason=Reason.CLIENT_EOF, dc=4),
        ]
    )
    assert observed.dcs == {4: DCHealth(connected_unix=2, failed_unix=0, dial_seconds=0.25)}
    assert observed.front == FrontHealth()


async def test_a_visitors_stream_says_how_the_site_is() -> None:
    observed = Observed()
    await observed.observe(
        [
            EventDomainFronting(stream_id="a", timestamp=1),
            EventTraffic(stream_id="a", timestamp=2, traffic_bytes=7, is_read=False),
            EventTraffic(stream_id="a", timestamp=3, traffic_bytes=10, is_read=True),
            EventFinish(stream_id="a", timestamp=4),
            EventFinish(stream_id="b", timestamp=5, reason=Reason.FRONT_UNREACHABLE),
            EventTraffic(stream_id="of an earlier process", timestamp=6, traffic_bytes=10, is_read=False),
        ]
    )
    assert observed.front == FrontHealth(answered_unix=3, failed_unix=5)


async def test_an_unreachable_data_centre_is_remembered_beside_its_last_success() -> None:
    observed = Observed()
    await observed.observe([EventConnectedToDC(stream_id="a", timestamp=1, remote_ip=DC, dc=2, dial_seconds=0.5)])
    await observed.observe([EventFinish(stream_id="b", timestamp=2, reason=Reason.DC_UNREACHABLE, dc=2)])
    assert observed.dcs == {2: DCHealth(connected_unix=1, failed_unix=2, dial_seconds=0.5)}


async def test_readers_get_all_events() -> None:
    observed = Observed()
    with observed.feed.reading() as reader:
        await observed.observe([EventFinish(stream_id="a", timestamp=4)])
        assert b'"stream_id":"a"' in await reader.take(20)
