"""How real sites answer the hellos of Telegram's clients. `test_censor_at_sites` answers clients in the same way."""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, get_args

import pytest

from integration.recording_logger import RecordingLogger
from mtglib.answers import Answers
from mtglib.front.learner import Learner
from mtglib.ground.guarded_logger import GuardedLogger
from mtglib.keyshare import KeyShares
from mtglib.wire.hello_shape import HelloShape, parse_shape
from mtglib.wire.server_flight import Flight
from support import sockets
from support.client_hello import Shape, build_client_hello, hello_records
from support.go_site import GoSite, go_is_missing, go_lacks_post_quantum
from support.haproxy_site import HaproxySite, haproxy_is_missing
from support.nginx_site import NginxSite, nginx_is_missing
from support.node_site import NodeSite, node_is_missing
from support.recorded_hellos import RECORDED_HELLOS

HOST = "front.example"
SECP256R1, X25519, X25519_MLKEM768 = 0x0017, 0x001D, 0x11EC
SERVER_HELLO_BYTES = {SECP256R1: 155, X25519: 122, X25519_MLKEM768: 1210}
SITES: dict[str, Any] = {
    "nginx": (partial(NginxSite, key="rsa"), nginx_is_missing),  # signatures of EC keys vary in length
    "go": (GoSite, go_is_missing),
    "haproxy": (HaproxySite, haproxy_is_missing),
    "node": (NodeSite, node_is_missing),
}


def running(site: str) -> AbstractAsyncContextManager[Any]:
    make, is_missing = SITES[site]
    if reason := is_missing():
        pytest.skip(reason)
    made: AbstractAsyncContextManager[Any] = make(HOST)
    return made


async def learnt(port: int, record: bytes) -> Flight:
    """Return what is learnt when a client has sent this hello."""
    answers, log = Answers(1), RecordingLogger()

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
    return answer.flights[0]._replace(connect_seconds=0.0, first_byte_seconds=0.0)


def expected_group(site: str, offered: HelloShape) -> int:
    """Go and OpenSSL 3.5 have favourites of their own; OpenSSL 3.0 takes the client's first group that it knows."""
    if site in ("go", "node"):
        knows_it = site == "node" or not go_lacks_post_quantum()
        return X25519_MLKEM768 if knows_it and X25519_MLKEM768 in offered.key_shares else X25519
    return next(group for group in offered.key_shares if group != X25519_MLKEM768)


@pytest.mark.parametrize("site", SITES)
async def test_what_a_site_answers_is_learnt(site: str, subtests: pytest.Subtests) -> None:
    built = {shape: hello_records(build_client_hello(HOST, shape=shape)) for shape in get_args(Shape)}
    hellos = RECORDED_HELLOS | built
    async with running(site) as front:
        flights = await asyncio.gather(*(learnt(front.port, record) for record in hellos.values()))

    for (name, record), flight in zip(hellos.items(), flights, strict=True):
        with subtests.test(name):
            group = expected_group(site, parse_shape(record))
            assert flight.shape.group == group
            assert flight.server_hello_bytes == 5 + SERVER_HELLO_BYTES[group]
            assert flight.shape.suite in (0x1301, 0x1302)
            assert 500 < flight.encrypted_bytes < 10_000
