"""mtcute gets through the proxy: a client that was written without Telegram's code."""

from __future__ import annotations

import os

import pytest

from support.fake_dc import FakeDC
from support.front import RecordingFront
from support.mtcute import ask_through_mtcute, mtcute_is_missing
from support.mtproto import REQ_PQ_MULTI, RES_PQ, MTProtoDC, parse_plain, plain_message
from support.running_proxy import RunningProxy
from support.secrets import secret_hex


async def test_mtcute_gets_an_answer(relay: str, fast_mode: bool) -> None:
    if reason := mtcute_is_missing():
        pytest.skip(reason)
    exchange, nonce = MTProtoDC(), os.urandom(16)
    async with FakeDC(exchange) as dc, RecordingFront() as site:
        proxy = RunningProxy(front_port=site.port, dcs={4: dc.address}, relay=relay, fast_mode=fast_mode)
        async with proxy:
            request = plain_message(REQ_PQ_MULTI + nonce, message_id=1 << 32)
            answer = parse_plain(await ask_through_mtcute(proxy.port, secret_hex(proxy.secret), 4, request))

    assert answer.constructor == RES_PQ
    assert answer.body.startswith(nonce)
    assert exchange.pings == [4]
    assert not site.connections
