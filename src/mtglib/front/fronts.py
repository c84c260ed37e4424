"""The fronting sites: one for each host of the users."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..users.candidates import Candidates
from ..wire import client_hello
from .dial import Front
from .lessons import FrontAnswer


class Fronts:
    """Chooses the site that a visitor gets.

    A site's `Front` is made when it is first needed. Those of hosts that no user has any more are given up when another
    one is made.

    Args:
        default_host: The site of those who ask for none of ours.
        candidates: Knows the hosts of the users.
        make: Makes a site's; of the one that it replaces, if there is one.
        previous: Those that these will replace.

    Attributes:
        made: The sites' that were made so far, by name.
    """

    def __init__(
        self,
        default_host: str,
        candidates: Candidates,
        make: Callable[..., Front],
        previous: Fronts | None = None,
    ) -> None:
        self._default_host = default_host.lower()
        self._candidates = candidates
        self._make = make
        earlier = {} if previous is None else previous.made
        self.made: dict[str, Front] = {
            host: make(host, previous=earlier[host]) for host in earlier.keys() & self._needed()
        }
        self._closing: set[asyncio.Task[None]] = set()

    def begin(self, previous: Fronts | None = None) -> None:
        """Begin to read what is known of the default site, and take over what others would go on doing."""
        for host, front in self.made.items():
            front.begin(None if previous is None else previous.made.get(host))
        self.of_host(self._default_host)

    @property
    def default(self) -> Front:
        """The site of those who ask for none of ours."""
        return self.of_host(self._default_host)

    @property
    def latest_answers(self) -> tuple[FrontAnswer, ...]:
        """The latest answer that was learnt of each site; sites of which none is known are left out."""
        latest = [front.latest_answer for front in self.made.values()]
        return tuple(answer for answer in latest if answer is not None)

    def of_host(self, host: str) -> Front:
        """Return the site of this name, which has to be one of ours."""
        host = host.lower()
        front = self.made.get(host)
        if front is None:
            self._give_up_others()
            front = self.made[host] = self._make(host)
            front.begin()
        return front

    def of_hello(self, record: bytes) -> Front:
        """Return the site that a joined ClientHello asks for, or the default one if that isn't one of ours."""
        hosts = self._candidates.hosts
        if len(hosts) == 1 and self._default_host in hosts:
            return self.default
        name = client_hello.server_name(record).lower()
        return self.of_host(name) if name in hosts else self.default

    async def close(self, successor: Fronts | None = None) -> None:
        """End the background work of all, but for what others have taken over."""
        later = {} if successor is None else successor.made
        await asyncio.gather(*(front.close(later.get(host)) for host, front in self.made.items()), *self._closing)

    def _needed(self) -> set[str]:
        return {self._default_host, *self._candidates.hosts}

    def _give_up_others(self) -> None:
        needed = self._needed()
        for host in [host for host in self.made if host not in needed]:
            closing = asyncio.get_running_loop().create_task(self.made.pop(host).close(), name="mtg-front-close")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
