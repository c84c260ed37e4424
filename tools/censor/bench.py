"""One site with one certificate: hellos and downloads, to it and through the proxies before it, in turn."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from support.nginx_site import Key
from support.secrets import PeerSecret
from tools.censor.ahead import learn_ahead
from tools.censor.comparison import Comparison, differences
from tools.censor.downloads import (
    FEWEST_BYTES,
    DataCentre,
    Download,
    Downloads,
    compared,
    from_site,
    some_length,
    through_proxy,
)
from tools.censor.observation import SHAPES, Exchange, Observation, make_hello
from tools.censor.sites import FRONTS
from tools.probes.finding import SITE
from tools.probes.judge import SLACK_SECONDS
from tools.probes.probe import HOST
from tools.probes.runner import rotated
from tools.probes.sites import ITSELF, USUAL_LOADS, Deployment, deploy

_MOST_TO_LEARN_FROM = 10
_VISITORS_TO_LEARN_FROM = 40
_SLACK_SECONDS = {"pure": SLACK_SECONDS}
"""Without the engine, the proxy waits for whole milliseconds."""

_MOST_THAT_SIGNATURES_DIFFER_BYTES = 4
"""Less than what another protocol's name makes (ALPN): 6 bytes."""
_MOST_TO_WAIT_FOR, _EACH_SECONDS = 20, 0.25
_ONE_SEGMENT_BYTES = 1448
_AT_ONCE = 100
"""How many servers are watched until they pause, at most."""


@asynccontextmanager
async def bench(
    front: str,
    key: Key,
    relays: Sequence[str],
    *,
    learns: bool = True,
    with_times: bool = True,
    page_loads: int = USUAL_LOADS,
    ahead: Ahead | None = None,
) -> AsyncIterator[Bench]:
    """Start a site with a certificate of this kind, and proxies for each relay, which learn from it or not.

    They load its large file ``page_loads`` times. Proxies that have learnt ``ahead`` learn nothing from visitors, whose
    hellos aren't like any client's.
    """
    centre = DataCentre()
    async with deploy(
        FRONTS[front],
        key,
        relays,
        centre.serve,
        learns=learns,
        undelayed=with_times,
        page_loads=page_loads,
        learn_ahead=None if ahead is None else ahead.learn,
    ) as deployment:
        yield Bench(
            key, deployment, centre, learns=learns, with_times=with_times, has_strange_visitors=ahead is not None
        )


class Ahead(NamedTuple):
    """What proxies have learnt when they start: so many answers to hellos of each of these shapes."""

    shapes: Sequence[str]
    answers: int

    async def learn(self, port: int, state: Path) -> None:
        """Learn it from the site at this port."""
        hellos = [make_hello(HOST, SHAPES[shape], None) for shape in self.shapes]
        await learn_ahead(port, HOST, hellos, self.answers, state)


class _Peer(NamedTuple):
    """Who is asked, and for a client the secret."""

    port: int
    secret: PeerSecret | None


_VISITORS = "visitors of "


def _visitors(proxy: str) -> str:
    return f"{_VISITORS}{proxy}"


def _undelayed(proxy: str) -> str:
    return f"undelayed {proxy}"


class Bench:
    """What a censor can look at."""

    def __init__(
        self,
        key: Key,
        deployment: Deployment,
        centre: DataCentre,
        *,
        learns: bool = False,
        with_times: bool = True,
        has_strange_visitors: bool = False,
    ) -> None:
        self._key = key
        self._has_strange_visitors = has_strange_visitors
        self._centre = centre
        self._learns = learns
        self._deployment = deployment
        self._proxies = [name for name in deployment.ports if name != SITE]
        secret, ports, undelayed = deployment.secret, deployment.ports, deployment.undelayed_ports
        self._peers = {name: _Peer(port, None if name in (SITE, ITSELF) else secret) for name, port in ports.items()}
        if with_times:
            self._peers |= {_visitors(name): _Peer(ports[name], None) for name in self._proxies}
            self._peers |= {_undelayed(name): _Peer(port, secret) for name, port in undelayed.items()}

    async def compare(
        self,
        shape: str,
        tries: int,
        report: Callable[[Comparison], None] = lambda _: None,
    ) -> list[Comparison]:
        """Send hellos of this shape, so many to everybody.

        What differs must differ in a second sample as well, or it doesn't count.
        """
        if self._learns:
            await self._let_them_learn(shape)
        found = await self._sample(shape, tries)
        if any(one.differences for one in found):
            first = {one.proxy: one.differences for one in found}
            found = await self._sample(shape, tries)
            for one in found:
                one.differences = {name: said for name, said in one.differences.items() if name in first[one.proxy]}
        for one in found:
            report(one)
        return found

    async def download(
        self, downloads: int, report: Callable[[Downloads], None] = lambda _: None, *, patience_seconds: float = 0.0
    ) -> list[Downloads]:
        """Load something so many times from everybody; there must be at least two downloads.

        The proxies have loaded the site's file once by then, and again and again for `patience_seconds`.
        """
        if self._learns:
            await self._let_them_load(patience_seconds)
        seen: dict[str, list[Download]] = {name: [] for name in self._deployment.ports}
        for _ in range(downloads):
            for name in random.sample(list(seen), len(seen)):  # nobody always comes after the same one
                seen[name].append(await self._load(name, some_length()))
                await self._centre.rest()
        found = []
        for proxy in self._proxies:
            found.append(compared(self._key, proxy, seen[SITE], seen[proxy]))
            report(found[-1])
        return found

    async def _let_them_learn(self, shape: str) -> None:
        """Send hellos until each proxy answers as the site does, a few at most: the first ones teach it.

        How long the site takes is learnt from some visitors, as there are always at a site.
        """
        at_site = await self._look(SITE, shape)
        async with asyncio.TaskGroup() as group:
            for name in (name for name in self._peers if self._peers[name].secret):
                group.create_task(self._let_one_learn(name, shape, at_site), name=f"learn {shape} {name}")
        for name in (_visitors(name) for name in self._proxies):
            if name in self._peers:
                async with asyncio.TaskGroup() as group:
                    for _ in range(_VISITORS_TO_LEARN_FROM):
                        exchange = self._exchange(name, shape)
                        await exchange.begin()
                        group.create_task(exchange.finish())

    async def _let_one_learn(self, name: str, shape: str, at_site: Observation) -> None:
        for _ in range(_MOST_TO_LEARN_FROM):
            seen = await self._look(name, shape)
            difference_bytes = abs(seen.flight_bytes - at_site.flight_bytes)
            if seen.server_hello == at_site.server_hello and difference_bytes <= _MOST_THAT_SIGNATURES_DIFFER_BYTES:
                return

    async def _let_them_load(self, patience_seconds: float) -> None:
        """Download until a short record comes first, as from every site: a first client makes a proxy load the file."""
        if not (waiting := [name for name in self._proxies if name != ITSELF]):
            return
        for _ in range(_MOST_TO_WAIT_FOR):
            waiting = [name for name in waiting if (await self._load(name, FEWEST_BYTES)).sizes[0] > _ONE_SEGMENT_BYTES]
            if not waiting:
                break
            await asyncio.sleep(_EACH_SECONDS)
        await asyncio.sleep(patience_seconds)

    async def _look(self, name: str, shape: str) -> Observation:
        exchange = self._exchange(name, shape)
        await exchange.begin()
        return await exchange.finish()

    def _exchange(self, name: str, shape: str) -> Exchange:
        peer = self._peers[name]
        is_strange = self._has_strange_visitors and name.startswith(_VISITORS)
        return Exchange(peer.port, make_hello(HOST, SHAPES[shape], peer.secret, is_strange=is_strange))

    async def _load(self, name: str, count_bytes: int) -> Download:
        port = self._deployment.ports[name]
        if name in (SITE, ITSELF):
            return await from_site(port, count_bytes)
        return await through_proxy(port, self._deployment.secret, count_bytes)

    async def _sample(self, shape: str, tries: int) -> list[Comparison]:
        seen = await self._observe(shape, tries)
        found = []
        for proxy in self._proxies:
            of_visitors, undelayed = seen.get(_visitors(proxy), []), seen.get(_undelayed(proxy), [])
            different = differences(seen[SITE], seen[proxy], of_visitors, _SLACK_SECONDS.get(proxy, 0.0))
            found.append(
                Comparison(self._key, shape, proxy, seen[SITE], seen[proxy], of_visitors, undelayed, different)
            )
        return found

    async def _observe(self, shape: str, tries: int) -> dict[str, list[Observation]]:
        """Begin one exchange after the other, in turn, so that nobody's first byte waits for anything else."""
        tasks: dict[str, list[asyncio.Task[Observation]]] = {name: [] for name in self._peers}
        places = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for number in range(tries):
                for name in rotated(list(self._peers), number):
                    await places.acquire()
                    exchange = self._exchange(name, shape)
                    await exchange.begin()
                    task = group.create_task(exchange.finish(), name=f"{shape} {name}")
                    task.add_done_callback(lambda _: places.release())
                    tasks[name].append(task)
        return {name: [task.result() for task in own] for name, own in tasks.items()}
