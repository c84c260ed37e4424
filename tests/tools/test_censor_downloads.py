"""Which records a download had, how long its client waited for each, and when the next one may begin."""

from __future__ import annotations

import asyncio

from tools.censor.downloads import DataCentre, Download, compared, download_in
from tools.probes.connection import Arrival

from support import sockets
from support.fake_dc import FakeDC
from support.obfuscated2 import make_frame
from support.tls_records import make_record


def test_a_record_comes_with_its_last_byte_and_no_pause_began_before_the_client_spoke() -> None:
    data = bytes(100) + b"".join(make_record(0x17, bytes(size)) for size in (10, 20, 30, 40))
    arrivals = [Arrival(100, 1.0), Arrival(115, 2.0), Arrival(141, 4.5), Arrival(175, 4.75), Arrival(220, 5.0)]

    assert download_in(data, 100, arrivals, start_mono=4.0) == Download([10, 20, 30, 40], [0.0, 0.5, 0.25, 0.25])


def test_sizes_and_pauses_are_judged_each_by_themselves() -> None:
    at_site, at_proxy = Download([300, 16_401], [0.1, 0.0]), Download([300, 16_401], [0.1, 0.5])
    found = compared("rsa", "pure", [at_site] * 4, [at_proxy] * 4)

    assert (found.sizes.auc, found.pauses.auc) == (0.5, 1.0)
    assert found.pauses.feature != "first"


async def test_the_data_centre_rests_once_its_clients_are_gone() -> None:
    centre = DataCentre()
    await centre.rest()
    async with FakeDC(centre.serve) as dc:
        sock = await sockets.connect(dc.host, dc.port)
        await sockets.send_all(sock, make_frame(b"", 2).wire)
        await sockets.recv_exactly(sock, 100_000)
        resting = asyncio.create_task(centre.rest())
        await sockets.recv_exactly(sock, 100_000)
        assert not resting.done()
        sockets.reset(sock)
        await resting
