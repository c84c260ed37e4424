"""How real sites answer, and that clients are answered in the same way."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest

from integration.recording_logger import RecordingLogger
from mtglib import FrontLearning
from mtglib.answers import Answers
from mtglib.front.learner import Learner
from mtglib.ground.guarded_logger import GuardedLogger
from mtglib.keyshare import KeyShares
from mtglib.wire.hello_shape import parse_shape
from mtglib.wire.server_flight import Flight, read_flight
from support import sockets
from support.client_hello import Shape, build_client_hello, hello_records
from support.fake_dc import FakeDC
from support.faketls_client import ClientOptions, FakeTLSClient
from support.go_site import GoSite, go_is_missing
from support.haproxy_site import HaproxySite, haproxy_is_missing
from support.nginx_site import NginxSite, nginx_is_missing
from support.running_proxy import RunningProxy

HOST = "front.example"
X25519, X25519_MLKEM768 = 0x001D, 0x11EC
SITES: dict[str, Any] = {
    "nginx": (partial(NginxSite, key="rsa"), nginx_is_missing),  # signatures of EC keys vary in length
    "go": (GoSite, go_is_missing),
    "haproxy": (HaproxySite, haproxy_is_missing),
}


def running(site: str) -> AbstractAsyncContextManager[Any]:
    make, is_missing = SITES[site]
    if reason := is_missing():
        pytest.skip(reason)
    made: AbstractAsyncContextManager[Any] = make(HOST)
    return made


async def learnt(port: int, shape: Shape) -> Flight:
    """Return what is learnt from one answer."""
    answers, log = Answers(1), RecordingLogger()
    record = hello_records(build_client_hello(HOST, shape=shape))

    async def dial() -> socket.socket:
        return await sockets.connect("127.0.0.1", port)

    learner = Learner(
        dial,
        answers,
        KeyShares().another_clients,
        GuardedLogger(log),
        each_seconds=3600.0,
        samples=1,
        on_learnt=lambda _: None,
        now_unix=time.time,
    )
    learner.saw(HOST, parse_shape(record).key, record, bytes)
    assert learner.learning is not None
    await learner.learning
    assert log.warnings == []
    (answer,) = answers.of(HOST)
    return answer.flights[0]


@pytest.mark.parametrize("shape", ["old", "modern"])
@pytest.mark.parametrize("site", SITES)
async def test_what_a_site_answers_is_learnt(site: str, shape: Shape) -> None:
    async with running(site) as front:
        flight = await learnt(front.port, shape)

    hybrid = site == "go" and shape == "modern"
    assert flight.shape.group == (X25519_MLKEM768 if hybrid else X25519)
    assert flight.server_hello_bytes == 5 + (1210 if hybrid else 122)
    assert flight.shape.suite in (0x1301, 0x1302)
    assert 500 < flight.encrypted_bytes < 10_000


@pytest.mark.parametrize("shape", ["old", "modern"])
@pytest.mark.parametrize("site", SITES)
async def test_a_client_is_answered_as_its_site_answers(site: str, shape: Shape, relay: str) -> None:
    async with running(site) as front:
        wanted = await learnt(front.port, shape)
        async with (
            FakeDC() as dc,
            RunningProxy(
                front_port=front.port, host=HOST, relay=relay, dcs={2: dc.address}, front_learning=FrontLearning()
            ) as proxy,
        ):
            while (answer := await answered(proxy, shape)).encrypted_bytes != wanted.encrypted_bytes:
                await asyncio.sleep(0.1)  # the first clients come before anything is learnt

    assert answer == wanted


async def answered(proxy: RunningProxy, shape: Shape) -> Flight:
    """Connect as a client, and return what the proxy answered."""
    sock = await sockets.connect(proxy.host, proxy.port)
    async with FakeTLSClient(sock, proxy.secret, options=ClientOptions(shape=shape)) as client:
        await client.send_hello()
        return read_flight((await client.receive_answer()).raw)
