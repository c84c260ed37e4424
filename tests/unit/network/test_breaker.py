"""A circuit breaker's states, with a clock that the tests move."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtglib
from integration.recording_logger import RecordingLogger
from mtglib.network import Direct
from mtglib.network.breaker import CircuitBreaker
from mtglib.network.errors import CircuitOpenError, TargetUnreachableError
from mtglib.network.socks5 import Socks5
from mtglib.upstream import dial as dial_as_the_proxy_does
from support.ports import free_port
from support.socks_servers import ScriptedProxy, answers
from unit.network.scripted import Clock, Scripted

DOWN = ConnectionRefusedError("down")


@pytest.fixture
def clock() -> Clock:
    """Monotonic seconds."""
    return Clock()


def breaker(network: mtglib.Network, clock: Clock, **changes: Any) -> CircuitBreaker:
    numbers = {"open_threshold": 3, "half_open_timeout_seconds": 60, "reset_failures_timeout_seconds": 10}
    return CircuitBreaker(network, clock=clock, **(numbers | changes))


async def attempt(network: mtglib.Network) -> str:
    """Dial; tell how it ended."""
    try:
        (await network.dial("a", 1, timeout_seconds=30)).close()
    except CircuitOpenError:
        return "open"
    except Exception as error:
        return type(error).__name__
    return "connected"


async def fail(network: mtglib.Network, count: int) -> None:
    for _ in range(count):
        assert await attempt(network) not in ("open", "connected")


def test_it_is_a_network(clock: Clock) -> None:
    assert isinstance(breaker(Scripted(), clock), mtglib.Network)


@pytest.mark.parametrize("error", [DOWN, TimeoutError(), ValueError("a bug")])
async def test_it_opens_after_so_many_failures_in_a_row(clock: Clock, error: Exception) -> None:
    network = Scripted(error)
    protected = breaker(network, clock)

    await fail(protected, 3)

    assert not protected.lets_through
    assert [await attempt(protected) for _ in range(5)] == ["open"] * 5
    assert network.dialled == 3


async def test_a_success_resets_the_count(clock: Clock) -> None:
    protected = breaker(Scripted(DOWN, DOWN, None, DOWN, DOWN, None), clock)

    await fail(protected, 2)
    assert await attempt(protected) == "connected"
    await fail(protected, 2)
    assert await attempt(protected) == "connected"


async def test_time_without_failure_resets_the_count(clock: Clock) -> None:
    protected = breaker(Scripted(DOWN), clock)

    await fail(protected, 2)
    clock.now_mono += 10
    await fail(protected, 2)
    clock.now_mono += 9.99
    await fail(protected, 1)

    assert await attempt(protected) == "open"


async def test_a_target_that_can_not_be_reached_is_no_failure(clock: Clock) -> None:
    protected = breaker(Scripted(DOWN, DOWN, TargetUnreachableError(), DOWN, DOWN, TargetUnreachableError()), clock)

    await fail(protected, 20)

    assert protected.lets_through


async def test_after_its_rest_one_trial_is_let_through(clock: Clock) -> None:
    pending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    protected = breaker(Scripted(DOWN, DOWN, DOWN, pending, None), clock)
    await fail(protected, 3)
    clock.now_mono += 59.99
    assert await attempt(protected) == "open"
    clock.now_mono += 0.01
    assert protected.lets_through

    trial = asyncio.create_task(attempt(protected))
    await asyncio.sleep(0)
    assert [await attempt(protected), protected.lets_through] == ["open", False]
    pending.set_result(None)

    assert await trial == "connected"
    assert await attempt(protected) == "connected"


async def test_its_http_client_dials_through_it(clock: Clock) -> None:
    network = Scripted(DOWN)
    protected = breaker(network, clock, open_threshold=1)
    async with protected.http_client() as client:
        for error in ("^down$", "is paused"):
            with pytest.raises(httpx2.ConnectError, match=error):
                await client.get("http://site.example/")

    assert network.dialled == 1


async def test_a_trial_that_fails_opens_it_for_as_long_again(clock: Clock) -> None:
    protected = breaker(Scripted(DOWN, DOWN, DOWN, DOWN, None), clock)
    await fail(protected, 3)
    clock.now_mono += 60
    await fail(protected, 1)

    clock.now_mono += 59.99
    assert await attempt(protected) == "open"
    clock.now_mono += 0.01
    assert await attempt(protected) == "connected"


async def test_a_trial_about_an_unreachable_target_closes_it(clock: Clock) -> None:
    protected = breaker(Scripted(DOWN, DOWN, DOWN, TargetUnreachableError(), None), clock)
    await fail(protected, 3)
    clock.now_mono += 60
    await fail(protected, 1)

    assert await attempt(protected) == "connected"


async def test_a_trial_that_is_cancelled_leaves_the_next_one_its_turn(clock: Clock) -> None:
    protected = breaker(Scripted(DOWN, DOWN, DOWN, asyncio.get_running_loop().create_future(), None), clock)
    await fail(protected, 3)
    clock.now_mono += 60
    trial = asyncio.create_task(attempt(protected))
    await asyncio.sleep(0)
    trial.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await trial

    assert await attempt(protected) == "connected"


async def test_dials_from_before_the_opening_do_not_prolong_it(clock: Clock) -> None:
    late: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    protected = breaker(Scripted(late, DOWN, DOWN, DOWN, None), clock)
    old = asyncio.create_task(attempt(protected))
    await asyncio.sleep(0)
    await fail(protected, 3)
    clock.now_mono += 59
    late.set_exception(DOWN)
    assert await old == "ConnectionRefusedError"
    clock.now_mono += 1

    assert await attempt(protected) == "connected"


@pytest.mark.parametrize(("waited_seconds", "state"), [(1, "connected"), (30, "open")])
async def test_a_cancelled_dial_is_a_failure_only_at_the_end_of_its_time(
    clock: Clock, waited_seconds: float, state: str, logger: RecordingLogger
) -> None:
    network = Scripted(asyncio.get_running_loop().create_future(), None)
    protected = breaker(network, clock, open_threshold=1, logger=logger)
    dialling = asyncio.create_task(attempt(protected))
    await asyncio.sleep(0)
    clock.now_mono += waited_seconds
    dialling.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await dialling

    assert [message.error for message in logger.messages] == ["TimeoutError('no answer within 30 s')"] * (
        state == "open"
    )
    assert await attempt(protected) == state


async def test_a_silent_proxy_is_a_failure_in_the_way_that_streams_dial(warnings: Any) -> None:
    async with ScriptedProxy(answers()) as proxy:
        protected = CircuitBreaker(Socks5(proxy.url, base=Direct()), open_threshold=1)
        with pytest.raises(TimeoutError):
            await dial_as_the_proxy_does(protected, "a", 1, 0.05, warnings)

        assert await attempt(protected) == "open"


async def test_each_change_is_logged_once_and_each_failure_before(clock: Clock, logger: RecordingLogger) -> None:
    protected = breaker(Scripted(*[DOWN] * 4, None), clock, logger=logger)
    await fail(protected, 3)
    assert [await attempt(protected) for _ in range(5)] == ["open"] * 5
    clock.now_mono += 60
    await fail(protected, 1)
    clock.now_mono += 60
    assert [await attempt(protected) for _ in range(5)] == ["connected"] * 5

    name = repr(protected).removeprefix("CircuitBreaker(").removesuffix(")")
    assert [(message.level, message.text, message.error) for message in logger.messages] == [
        ("debug", f"{name} failed once", repr(DOWN)),
        ("debug", f"{name} failed 2 times in a row", repr(DOWN)),
        ("warning", f"{name} failed 3 times in a row and is paused for 60 s", repr(DOWN)),
        ("debug", f"{name} still fails and is paused for 60 s", repr(DOWN)),
        ("info", f"{name} works again", ""),
    ]


async def test_the_log_names_the_proxy_without_its_password(clock: Clock, logger: RecordingLogger) -> None:
    proxy = Socks5(f"socks5://somebody:hidden@127.0.0.1:{free_port()}", base=Direct())
    await fail(breaker(proxy, clock, open_threshold=1, logger=logger), 1)

    assert logger.warnings == [f"{proxy!r} failed once and is paused for 60 s"]
    assert "refused" in logger.messages[0].error
    assert not any(secret in logger.everything() for secret in ("somebody", "hidden"))


async def test_what_a_logger_raises_is_ignored(clock: Clock) -> None:
    class Broken(RecordingLogger):
        def warning(self, message: str, *, error: BaseException | None = None) -> None:
            raise ZeroDivisionError

    protected = breaker(Scripted(DOWN), clock, open_threshold=1, logger=Broken())

    assert [await attempt(protected) for _ in range(2)] == ["ConnectionRefusedError", "open"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("open_threshold", value) for value in (0, -1, "5", None, 1.5, True, 1_000_000)),
        *(("half_open_timeout_seconds", value) for value in (0, -1, float("nan"), float("inf"), "5", None, True)),
        *(("reset_failures_timeout_seconds", value) for value in (0, -1, float("nan"), float("inf"), "5", None)),
        *(("clock", value) for value in (None, 5)),
        *(("logger", value) for value in ("log", RecordingLogger)),
    ],
)
def test_arguments_that_can_not_work_are_refused(clock: Clock, field: str, value: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=rf"^{field}: expected") as caught:
        CircuitBreaker(Scripted(), **({"clock": clock} | {field: value}))
    assert caught.value.field == field


@pytest.mark.parametrize("network", [None, "direct", Direct, object()])
def test_what_is_no_network_is_refused(network: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^network: expected an object with dial, http_client[,;] "):
        CircuitBreaker(network)


@given(st.lists(st.sampled_from(["up", "down", "target"]) | st.floats(0, 100), max_size=60))
async def test_it_lets_through_what_a_count_by_hand_does(story: list[str | float]) -> None:
    clock, outcomes = Clock(), {"up": None, "down": DOWN, "target": TargetUnreachableError()}
    network = Scripted()
    protected = breaker(network, clock)
    failed_at: list[float] = []  # in a row
    for step in story:
        if isinstance(step, float):
            clock.now_mono += step
            continue
        is_open = len(failed_at) >= 3 and clock.now_mono - failed_at[-1] < 60
        network.then = [outcomes[step]]
        assert (await attempt(protected) == "open") == is_open
        if not is_open and step != "down":
            failed_at = []
        elif not is_open:
            if 0 < len(failed_at) < 3 and clock.now_mono - failed_at[-1] >= 10:
                failed_at = []
            failed_at.append(clock.now_mono)
