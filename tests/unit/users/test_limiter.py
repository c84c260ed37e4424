"""Who may come in, who makes room, and whose connections end."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Any

import pytest

from mtglib import Reason, Secret
from mtglib.users import User, UserLimits, Users
from mtglib.users.account import STILL_AFTER_SECONDS, Account
from mtglib.users.limiter import UserLimiter
from support.timeless import timeless

HERE, THERE = 1, 2


class Stream:
    def __init__(self, network: int | None = HERE) -> None:
        self.account: Account | None = None
        self.network = network
        self.ended: list[Reason] = []

    def end(self, reason: Reason) -> None:
        self.ended.append(reason)


class Desk:
    """An `UserLimiter` with clocks of its own."""

    def __init__(self, *limits: UserLimits, most: int | None = None) -> None:
        self.now = 1_700_000_000.0
        self.users = Users(
            User(f"{number}", Secret(os.urandom(16), "front.example"), one) for number, one in enumerate(limits)
        )
        self.live: list[Stream] = [Stream()]  # a visitor
        self.limiter = UserLimiter(
            lambda: self.live,
            lambda: self.now,
            most,
            share_seconds=0.0,
            check_seconds=None,
            now_mono=lambda: self.now - 1e9,
        )

    def account(self, number: int = 0) -> Account:
        return self.users.accounts[number]

    def change(self, **changes: Any) -> None:
        user = self.account().user
        self.users.replace(replace(user, limits=replace(user.limits, **changes)))

    def come(self, network: int | None = HERE, number: int = 0) -> Stream | Reason:
        if (reason := self.limiter.refusal(self.account(number), network)) is not None:
            return reason
        stream = Stream(network)
        self.limiter.came(self.account(number), stream)
        self.live.append(stream)
        return stream

    def leave(self, stream: Stream) -> None:
        self.limiter.left(stream)
        self.live.remove(stream)

    def must_come(self, network: int | None = HERE, number: int = 0) -> Stream:
        stream = self.come(network, number)
        assert isinstance(stream, Stream)
        return stream


def test_a_user_without_limits_may_come_in() -> None:
    desk = Desk(UserLimits())
    for network in range(100):
        desk.must_come(network)


def test_a_disabled_one_may_not() -> None:
    assert Desk(UserLimits(is_enabled=False)).come() is Reason.USER_DISABLED


def test_an_expired_one_may_not() -> None:
    desk = Desk(UserLimits(expires_unix=1_700_000_010.0))
    desk.must_come()
    desk.now += 10
    assert desk.come() is Reason.USER_EXPIRED


def test_one_over_quota_may_not_until_the_next_period() -> None:
    desk = Desk(UserLimits(quota_bytes=10, quota_period="day"))
    stream = desk.must_come()
    desk.limiter.moved(stream, 4, 5)
    desk.must_come()
    desk.limiter.moved(stream, 0, 1)
    assert desk.come() is Reason.USER_QUOTA
    desk.now += 86_400
    desk.must_come()


def test_a_user_has_so_many_connections() -> None:
    desk = Desk(UserLimits(max_connections=2), UserLimits())
    first = desk.must_come()
    desk.must_come(THERE)
    assert desk.come() is Reason.USER_CONNECTIONS
    desk.must_come(number=1)
    desk.leave(first)
    desk.must_come()


def test_a_user_has_so_many_networks() -> None:
    desk = Desk(UserLimits(max_networks=1))
    first, second = desk.must_come(), desk.must_come()
    desk.must_come(None)
    assert desk.come(THERE) is Reason.USER_NETWORKS
    desk.leave(first)
    assert desk.come(THERE) is Reason.USER_NETWORKS
    desk.leave(second)
    desk.must_come(THERE)


def test_a_still_network_makes_room() -> None:
    desk = Desk(UserLimits(max_networks=2))
    still, moving = desk.must_come(HERE), desk.must_come(THERE)
    desk.now += STILL_AFTER_SECONDS - 1
    desk.limiter.moved(moving, 1, 0)
    assert desk.come(3) is Reason.USER_NETWORKS
    desk.now += 1
    desk.must_come(3)
    assert (still.ended, moving.ended) == ([Reason.USER], [])
    desk.leave(still)
    assert desk.account().connections == 2
    assert desk.come(HERE) is Reason.USER_NETWORKS


def test_when_all_connections_are_taken_those_who_have_many_get_no_more() -> None:
    desk = Desk(*[UserLimits()] * 3, most=10)
    for _ in range(9):
        desk.must_come(number=0)
    desk.must_come(number=1)
    assert desk.come(number=0) is Reason.USER_SHARE
    streams = [desk.must_come(number=2) for _ in range(4)]
    assert desk.come(number=2) is Reason.USER_SHARE, "9 have to be shared by 9, 1 and 4: 4 for each who has more"
    desk.must_come(number=1)
    for stream in streams:
        desk.leave(stream)
    assert desk.come(number=0) is Reason.USER_SHARE
    assert desk.limiter.share == 7


@pytest.mark.parametrize("change", [{"is_enabled": False}, {"expires_unix": 1.0}, {"quota_bytes": 1}])
def test_connections_of_users_who_may_not_stay_end(change: dict[str, Any]) -> None:
    desk = Desk(UserLimits(), UserLimits())
    stream, other = desk.must_come(), desk.must_come(number=1)
    desk.limiter.moved(stream, 1, 0)
    desk.limiter.check()
    assert stream.ended == []
    desk.change(**change)
    desk.limiter.check()
    assert (stream.ended, other.ended) == ([Reason.USER], [])


def test_connections_of_a_removed_user_end_and_those_of_one_with_a_new_secret_do_not() -> None:
    desk = Desk(UserLimits(), UserLimits())
    stream, other = desk.must_come(), desk.must_come(number=1)
    account = desk.account()
    desk.users.remove("0")
    desk.users.replace(User("1", Secret(os.urandom(16), "front.example")))
    desk.limiter.check()
    assert (stream.ended, other.ended) == ([Reason.USER], [])
    assert desk.limiter.refusal(account, HERE) is Reason.USER_DISABLED


@timeless
async def test_checks_go_on_as_long_as_there_are_connections() -> None:
    desk = Desk(UserLimits())
    stream = Stream()
    limiter = UserLimiter(lambda: [stream], lambda: desk.now, check_seconds=2.0)
    limiter.came(desk.account(), stream)
    await asyncio.sleep(3)
    desk.change(is_enabled=False)
    await asyncio.sleep(2)
    assert stream.ended == [Reason.USER]
    limiter.left(stream)
    limiter.close()
