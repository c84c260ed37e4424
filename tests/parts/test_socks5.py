"""SOCKS5 through servers that we didn't write: microsocks and Dante."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import uvloop

from integration.recording_logger import RecordingLogger
from mtglib import Network
from mtglib.network import Direct
from mtglib.network.balanced import from_urls
from mtglib.network.errors import CircuitOpenError, TargetUnreachableError
from mtglib.network.socks5 import Socks5
from support import sockets
from support.ports import free_port
from support.server_process import is_missing
from support.socks_servers import Dante, MicroSocks, ScriptedProxy, answers
from support.tcp_server import TCPServer
from unit.network.site import Site, response

pytestmark = pytest.mark.skipif(
    is_missing("microsocks", "danted") is not None, reason=str(is_missing("microsocks", "danted"))
)

USER, PASSWORD = "us:er@", "p@ss/w%rd é"
PAYLOAD = random.Random(5).randbytes(1_000_000)


class Greeter(TCPServer):
    """Speaks first, then sends everything back."""

    async def serve_socket(self, sock: socket.socket) -> None:
        await sockets.send_all(sock, b"welcome")
        while data := await asyncio.get_running_loop().sock_recv(sock, sockets.RECV_BYTES):
            await sockets.send_all(sock, data)


async def check_greeting(sock: socket.socket) -> None:
    """Check that the socket is the greeter's from the first byte on; closes it."""
    assert sock.gettimeout() == 0
    assert await sockets.recv_exactly(sock, 7) == b"welcome"
    sending = asyncio.create_task(sockets.send_all(sock, PAYLOAD))
    assert await sockets.recv_exactly(sock, len(PAYLOAD)) == PAYLOAD
    await sending
    sockets.close(sock)


SERVERS = pytest.mark.parametrize(
    "make",
    [MicroSocks, lambda: MicroSocks(USER, PASSWORD), Dante],
    ids=["microsocks", "microsocks with a password", "dante"],
)


@pytest.fixture
def logger() -> RecordingLogger:
    return RecordingLogger()


Make = Callable[[], MicroSocks | Dante]


async def check_dials(make: Make, host: str, listen_on: str) -> None:
    async with Greeter(listen_on) as target, make() as proxy:
        await check_greeting(await Socks5(proxy.url, base=Direct()).dial(host, target.port, timeout_seconds=20))


@SERVERS
@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("host", "listen_on"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("localhost", "127.0.0.1")]
)
def test_a_target_is_reached(
    make: Make, host: str, listen_on: str, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(check_dials(make, host, listen_on))


@SERVERS
async def test_a_target_that_refuses_is_told_from_a_broken_proxy(make: Make) -> None:
    async with make() as proxy:
        with pytest.raises(TargetUnreachableError, match=r"connection refused \(5\)"):
            await Socks5(proxy.url, base=Direct()).dial("127.0.0.1", free_port(), timeout_seconds=20)


@pytest.mark.parametrize("credentials", ["", f"{USER}:wrong@".replace("@:", "%40:"), "nobody:hidden@"])
async def test_the_wrong_password_or_none_is_an_error_without_it(credentials: str) -> None:
    async with MicroSocks(USER, PASSWORD) as proxy:
        url = f"socks5://{credentials}127.0.0.1:{proxy.port}"
        with pytest.raises(OSError, match=r"(rejected the|requires a) user name and password") as caught:
            await Socks5(url, base=Direct()).dial("127.0.0.1", free_port(), timeout_seconds=20)
    assert not {"wrong", "hidden"} & set(str(caught.value).split())


async def test_a_rule_of_the_proxy_is_its_error() -> None:
    async with Dante() as proxy:
        with pytest.raises(OSError, match=r"not allowed by ruleset \(2\)") as caught:
            await Socks5(proxy.url, base=Direct()).dial("127.0.0.9", 9, timeout_seconds=20)
    assert not isinstance(caught.value, TargetUnreachableError)


@SERVERS
async def test_targets_that_refuse_never_open_the_breaker_of_their_proxy(make: Make) -> None:
    async with Greeter() as target, make() as proxy:
        network = from_urls([f"{proxy.url}?open_threshold=1&half_open_timeout=24h"], base=Direct())
        for _ in range(3):
            with pytest.raises(TargetUnreachableError):
                await network.dial("127.0.0.1", free_port(), timeout_seconds=20)
        await check_greeting(await network.dial("127.0.0.1", target.port, timeout_seconds=20))


async def test_a_proxy_whose_rules_refuse_opens_its_breaker() -> None:
    async with Dante() as proxy:
        network = from_urls([f"{proxy.url}?open_threshold=1&half_open_timeout=24h"], base=Direct())
        with pytest.raises(OSError, match=r"not allowed by ruleset \(2\)"):
            await network.dial("127.0.0.9", 9, timeout_seconds=20)
        with pytest.raises(CircuitOpenError):
            await network.dial("127.0.0.9", 9, timeout_seconds=20)


NO_AUTHENTICATION = b"\x05\x00"
REPLY = "05{code:02x}00010000000000000000"


@pytest.mark.parametrize(
    ("code", "counts"), [(1, True), (2, True), (3, False), (4, False), (5, False), (6, False), (7, True), (8, False)]
)
async def test_only_what_a_proxy_can_help_counts_against_it(code: int, counts: bool) -> None:
    script = answers(NO_AUTHENTICATION, bytes.fromhex(REPLY.format(code=code)))
    async with ScriptedProxy(script) as proxy:
        network = from_urls([f"{proxy.url}?open_threshold=2&half_open_timeout=24h"], base=Direct())
        for _ in range(4):
            with pytest.raises(OSError):
                await network.dial("127.0.0.1", 9, timeout_seconds=20)

        assert proxy.accepted == (2 if counts else 4)


@pytest.mark.parametrize("parts", [(), (NO_AUTHENTICATION,)], ids=["from the start", "about the target"])
async def test_silence_counts_against_a_proxy(parts: tuple[bytes, ...]) -> None:
    async with ScriptedProxy(answers(*parts)) as proxy:
        network = from_urls([f"{proxy.url}?open_threshold=1&half_open_timeout=24h"], base=Direct())
        with pytest.raises(TimeoutError):
            await network.dial("127.0.0.1", 9, timeout_seconds=0.05)
        with pytest.raises(CircuitOpenError):
            await network.dial("127.0.0.1", 9, timeout_seconds=0.05)


async def test_a_proxy_is_reached_through_another_one() -> None:
    async with Greeter() as target, MicroSocks(USER, PASSWORD) as first, Dante() as second:
        chain = Socks5(second.url, base=Socks5(first.url, base=Direct()))
        await check_greeting(await chain.dial("127.0.0.1", target.port, timeout_seconds=20))


async def test_a_proxy_that_dies_is_left_out_until_it_is_back() -> None:
    async with Greeter() as target, MicroSocks() as dying, MicroSocks(USER, PASSWORD) as staying:
        breaker = "?open_threshold=1&half_open_timeout=1ms"
        network = from_urls([dying.url + breaker, staying.url + breaker], base=Direct())

        async def dial() -> None:
            await check_greeting(await network.dial("127.0.0.1", target.port, timeout_seconds=20))

        await dial()
        await dying.kill()
        for _ in range(10):
            await dial()
        await dying.start()
        await staying.kill()
        async with asyncio.timeout(20):
            await _until_connected(dial)


async def test_the_log_names_the_proxy_that_is_away_and_back(logger: RecordingLogger) -> None:
    async with Greeter() as target, MicroSocks(USER, PASSWORD) as proxy:
        url = f"{proxy.url}?open_threshold=1&half_open_timeout=1ms"
        network = from_urls([url], base=Direct(), logger=logger)
        await proxy.kill()
        with pytest.raises(OSError, match="refused"):
            await network.dial("127.0.0.1", target.port, timeout_seconds=20)
        await proxy.start()
        async with asyncio.timeout(20):
            await _until_connected(lambda: _dial_and_close(network, target.port))

    said = [(message.level, message.text) for message in logger.messages if message.level != "debug"]
    assert said == [
        ("warning", f"Socks5(127.0.0.1:{proxy.port}) failed once and is paused for 0.001 s"),
        ("info", f"Socks5(127.0.0.1:{proxy.port}) works again"),
    ]
    assert "p@ss" not in logger.everything()


async def test_http_goes_through_whichever_proxy_works() -> None:
    async with Site({"/": response(b"hello")}) as site, MicroSocks() as away, MicroSocks(USER, PASSWORD) as alive:
        await away.kill()
        async with from_urls([away.url, alive.url], base=Direct()).http_client() as client:
            for _ in range(5):
                answer = await client.get(f"http://127.0.0.1:{site.port}/", headers={"Connection": "close"})
                assert answer.content == b"hello"


async def _dial_and_close(network: Network, port: int) -> None:
    (await network.dial("127.0.0.1", port, timeout_seconds=20)).close()


async def _until_connected(dial: Callable[[], Awaitable[None]]) -> None:
    while True:
        with suppress(OSError):  # the breakers' rest
            return await dial()


async def test_if_all_proxies_are_down_that_is_said() -> None:
    async with MicroSocks() as one, MicroSocks() as other:
        network = from_urls([f"{proxy.url}?open_threshold=1" for proxy in (one, other)], base=Direct())
    with pytest.raises(OSError, match=rf"(?=.*:{one.port}: )(?=.*:{other.port}: )"):
        await network.dial("127.0.0.1", 9, timeout_seconds=20)

    with pytest.raises(CircuitOpenError, match="none of 2 networks"):
        await network.dial("127.0.0.1", 9, timeout_seconds=20)
