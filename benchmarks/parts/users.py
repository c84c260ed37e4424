"""What it costs to find out whose client has come, when a site has a thousand users."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

from benchmarks.folder import bench_folder
from benchmarks.parts.interleaved import interleaved
from benchmarks.parts.line import Line
from benchmarks.peers.dc import running_dc
from benchmarks.peers.faketls import Secret, signed_client_hello
from benchmarks.rows.connection import CONNECTION
from benchmarks.rows.row import Load
from benchmarks.sizes import FULL, QUICK
from benchmarks.subjects.ours import DEFAULT_COMMAND, FRONTED_HOST, running_ours
from mtglib import Secret as UserSecret
from mtglib import User, Users
from mtglib.key_search import KeySearch
from mtglib.users.candidates import Candidates

_USERS = 1000
_STRANGER_TARGET_US = 2000.0
_RETURNING_TARGET = 1.1
_NETWORK = 1
_RUNS = 9
_SIZES = replace(FULL, connections=4 * FULL.connections)


def measure_users(quick: bool) -> Iterator[Line]:
    """Strangers' hellos, one after the other, until it is clear that they are nobody's; then whole connections."""
    count = 20 if quick else 500
    stranger_us = asyncio.run(_strangers(count))
    yield Line(f"a stranger's hello, {_USERS} users of its site", stranger_us, "us", _STRANGER_TARGET_US)
    runs, sizes = (1, QUICK) if quick else (_RUNS, _SIZES)
    few = [_user("other")]
    many = [_user(f"u{number}") for number in range(_USERS - 1)]
    with ExitStack() as stack:
        load, folder = stack.enter_context(Load()), stack.enter_context(bench_folder())
        dc = stack.enter_context(running_dc(CONNECTION.serve))
        subjects = [
            stack.enter_context(running_ours(DEFAULT_COMMAND, True, folder, dc.port, more_settings=_settings(users)))
            for users in (few, many)
        ]
        values = interleaved(CONNECTION, subjects, load, sizes, runs)
        dc.check()
    for index, users in enumerate((2, _USERS)):
        yield Line(f"whole connection, {users} users", statistics.median(value[index] for value in values), "us")
    ratio = statistics.median(value[1] / value[0] for value in values)
    yield Line(f"  ratio, {_USERS} users to 2", ratio, "x", None if quick else _RETURNING_TARGET)


async def _strangers(count: int) -> float:
    """Return the median of the time until a hello is known to be nobody's, in microseconds."""
    search = KeySearch(Candidates(Users(_user(f"u{number}") for number in range(_USERS))))
    taken_ns = []
    for _ in range(count):
        hello = signed_client_hello(Secret(os.urandom(16), FRONTED_HOST))
        start_ns = time.perf_counter_ns()
        found = await search.find(hello, _NETWORK)
        taken_ns.append(time.perf_counter_ns() - start_ns)
        if found is not None:
            raise RuntimeError("a stranger's hello was taken for a user's")
    return statistics.median(taken_ns) / 1000


def _user(name: str) -> User:
    return User(name, UserSecret(os.urandom(16), FRONTED_HOST))


def _settings(users: list[User]) -> str:
    return "".join(f'[users.{user.name}]\nsecret = "{user.secret.hex()}"\n' for user in users)
