"""One combination: a kind of flood, its origin, the proxy's `concurrency`, and the relay."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from benchmarks.peers.faketls import Secret

from support.secrets import PeerSecret
from tools.flood.flooder import Flooder, Plan, Progress, flooding
from tools.flood.kinds import KINDS
from tools.flood.peers import Peers
from tools.flood.program import Counts, Program, running_program
from tools.flood.visits import Visits, visits

Origin = Literal["1", "200", "unix"]
"""The number of addresses that the flood comes from, or the Unix socket, where it has no address."""

HONEST_CLIENTS = 20
FILL_A_SECOND = 4000.0
MOST_THEN_A_SECOND = 1000.0
FRAME_SECONDS = 2
IDLE_SECONDS = 3
SETTLE_TIMEOUT_SECONDS = 30.0
_FILL_TIMEOUT_SECONDS = 30.0
_SAMPLE_SECONDS = 0.2
_HONEST_ADDRESS = "127.0.0.1"
_SETTINGS = f'[network.timeout]\nframe = "{FRAME_SECONDS}s"\nidle = "{IDLE_SECONDS}s"\n'


@dataclass(frozen=True)
class Case:
    """A combination to try; with `users`, strangers' hellos are compared with so many keys."""

    kind: str
    origin: Origin
    concurrency: int
    pure: bool
    users: int = 1

    @property
    def sources(self) -> tuple[str, ...]:
        """The flood's addresses; all of 127.0.0.0/8 belongs to this machine."""
        return () if self.origin == "unix" else tuple(f"127.1.0.{number + 1}" for number in range(int(self.origin)))

    @property
    def hold(self) -> int:
        """How many connections the flood tries to keep open: twice as many as there is room for."""
        most = KINDS[self.kind].most_connections
        wanted = self.concurrency * 2
        return wanted if most is None else min(wanted, most)

    @property
    def then_a_second(self) -> float:
        """How many new connections come each second once it is full: half of `concurrency`, up to a limit."""
        return MOST_THEN_A_SECOND if KINDS[self.kind].resets else min(self.concurrency / 2, MOST_THEN_A_SECOND)


@dataclass
class Outcome:
    """The result of a case.

    Attributes:
        before, during: Honest clients without the flood, and during it.
        flood: The flood's progress.
        start, peak, end: The proxy's resources before the flood, the most during it, and after its end.
        slots_seconds: How long after the flood's last act the proxy had ended all of its connections by itself; None
            for floods without the secret, whose connections the flood closes.
        back_seconds: How long after the last connection was closed all resources were released.
        left: What wasn't released.
    """

    case: Case
    before: Visits
    during: Visits
    flood: Progress
    start: Counts
    peak: Counts
    end: Counts
    slots_seconds: float | None
    back_seconds: float
    left: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the targets are met: everything is released, and nobody without the secret keeps clients out."""
        is_open = self.during.came_in == len(self.during.seconds)
        return not self.left and (is_open or KINDS[self.case.kind].needs_secret)


def _other_users(count: int, host: str) -> str:
    return "".join(
        f'[users.u{number}]\nsecret = "ee{os.urandom(16).hex()}{host.encode().hex()}"\n' for number in range(count)
    )


async def run_case(case: Case, peers: Peers) -> Outcome:
    """Run the program, measure without a flood, flood it, and wait until everything is released."""
    kind = KINDS[case.kind]
    ours = PeerSecret.random()
    secret = Secret(ours.key, ours.host)
    peers.set_site(kind.site)
    with running_program(
        secret,
        peers.dc_port,
        peers.site_port,
        concurrency=case.concurrency,
        pure=case.pure,
        more_settings=_SETTINGS + _other_users(case.users - 1, ours.host),
    ) as program:
        target: int | str = program.unix_path if case.origin == "unix" else program.port
        # Half of the clients share the flood's address, as behind a NAT; with 200 addresses they share one of them.
        honest = [_HONEST_ADDRESS, *case.sources[:1]]
        before = await visits(target, honest, ours, HONEST_CLIENTS)
        await _settled(program, None)
        start = program.counts()
        plan = Plan(case.kind, target, secret, case.sources, case.hold, FILL_A_SECOND, case.then_a_second)
        with flooding(plan) as flooder, _peak(program) as peak:
            await _filled(flooder)
            during = await visits(target, honest, ours, HONEST_CLIENTS)
            flood = flooder.progress()
            left: list[str] = []
            slots_seconds = await _slots_back(program, flooder, left) if kind.needs_secret else None
            flooder.close_all()
            back_seconds = await _settled(program, start.files)
            end = program.counts()
        left += await _what_is_left(program, start)
        return Outcome(case, before, during, flood, start, peak[0], end, slots_seconds, back_seconds, tuple(left))


async def _filled(flooder: Flooder) -> None:
    deadline_mono = time.monotonic() + _FILL_TIMEOUT_SECONDS
    while not flooder.progress().is_filled and time.monotonic() < deadline_mono:
        await asyncio.sleep(_SAMPLE_SECONDS)


async def _slots_back(program: Program, flooder: Flooder, left: list[str]) -> float | None:
    """Wait until the proxy has ended a flood that stays open; None, and an entry in `left`, if it doesn't."""
    flooder.hold_still()
    start_mono = time.monotonic()
    while time.monotonic() - start_mono < SETTLE_TIMEOUT_SECONDS:
        with suppress(OSError):
            if not any((await program.gauges()).values()):
                return time.monotonic() - start_mono
        await asyncio.sleep(_SAMPLE_SECONDS)
    left.append("slots of silent clients")
    return None


async def _settled(program: Program, files: int | None) -> float:
    """Wait until the gauges are at zero and at most `files` are open; return how long it took, at most 30 s."""
    start_mono = time.monotonic()
    while (taken := time.monotonic() - start_mono) < SETTLE_TIMEOUT_SECONDS:
        with suppress(OSError):
            is_quiet = not any((await program.gauges()).values())
            if is_quiet and (files is None or program.counts().files <= files):
                break
        await asyncio.sleep(_SAMPLE_SECONDS)
    return taken


async def _what_is_left(program: Program, start: Counts) -> list[str]:
    end = program.counts()
    left = [f"{end.files - start.files} files"] if end.files > start.files else []
    left += [f"{end.threads - start.threads} threads"] if end.threads > start.threads else []
    left += [f"{name} {value:g}" for name, value in (await program.gauges()).items() if value]
    return left


@contextmanager
def _peak(program: Program) -> Iterator[list[Counts]]:
    """The most of each resource that is seen within the context."""
    most = [program.counts()]

    async def watch() -> None:
        while True:
            await asyncio.sleep(_SAMPLE_SECONDS)
            now = program.counts()
            most[0] = Counts(
                max(most[0].files, now.files),
                max(most[0].threads, now.threads),
                max(most[0].rss_bytes, now.rss_bytes),
            )

    watching = asyncio.create_task(watch(), name="peak")
    try:
        yield most
    finally:
        watching.cancel()
