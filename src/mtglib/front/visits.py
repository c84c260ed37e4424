"""How long visitors wait for the site's first byte, where a client might have sent the same hello.

Their relays measure it in passing. Whoever compares a client's wait with a visitor's has to be a visitor, too, and at
the same time: so visits of the last two seconds say best how long a client has to wait. Without any, it depends on
whether the site's times vary. If they do, clients' waits are drawn from those that were learnt and those of the last
hour's visits. A few recent visits don't count by themselves then: a client who waits as long as the last visitor each
time would be noticed. If they don't vary, what many visits have in common counts: a crowd of visitors makes the site
slow for as long as it lasts, and must not make clients wait when it is over.
"""

from __future__ import annotations

import random
from bisect import insort
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, NamedTuple

from ..answers import Answers
from ..errors import ClientError
from ..relay.job import RelayResult
from ..waits import MOST_WAITS, Wait, WaitDistribution
from ..wire import client_hello
from ..wire.hello_key import hello_key

_MOST_SHAPES: Final = 64
_MOST_RECENT: Final = 32
_RECENT_SECONDS: Final = 2.0
_LEAST: Final = 8
"""Fewer visits say no more than the answers to our own questions."""
_SPACE_SECONDS: Final = 10.0
"""Between two visits that are remembered for longer: one burst of visitors is one visit of many."""
_SPACED_SECONDS: Final = 3600.0

_MOST_HELLO_BYTES: Final = 4096
"""More than a client's; taking the longest hellos apart costs more than all the rest of a visit."""

_Key = tuple[str, bytes]
_NotedWait = tuple[float, Wait]


class Visit(NamedTuple):
    """A visitor with a client's hello.

    Attributes:
        key: The host and the hello's shape.
        heard_mono: When the hello was complete.
        answer_bytes: The length of a ServerHello: a site that sends less has refused the hello.
    """

    key: _Key
    heard_mono: float
    answer_bytes: int


class _Waits:
    """Those of one shape: the latest ones, and some of the last hour, each with the time when it was noted."""

    def __init__(self) -> None:
        self._recent: list[_NotedWait] = []
        self._spaced: list[_NotedWait] = []
        self._learnt: WaitDistribution | None = None  # None if the others aren't up to date
        self._now = self._last_hour = self._all = WaitDistribution()

    def add(self, noted_mono: float, wait: Wait) -> None:
        insort(self._recent, (noted_mono, wait))  # a visit that began earlier may end later
        del self._recent[:-_MOST_RECENT]
        if not self._spaced or noted_mono - self._spaced[-1][0] >= _SPACE_SECONDS:
            self._spaced.append((noted_mono, wait))
            del self._spaced[:-MOST_WAITS]
        self._learnt = None

    def draw(self, learnt: WaitDistribution, now_mono: float) -> Wait | None:
        """Draw from the recent waits, or else from those of the last hour and what was learnt.

        If what was learnt doesn't vary, the latter is one of the faster half of the last hour's; None if those are few.
        """
        for waits, most_seconds in ((self._recent, _RECENT_SECONDS), (self._spaced, _SPACED_SECONDS)):
            while waits and now_mono - waits[0][0] > most_seconds:
                del waits[0]
                self._learnt = None
        if self._recent and not learnt.varies:
            return random.choice(self._recent)[1]  # noqa: S311 - no secret
        if learnt is not self._learnt:
            self._bring_up_to_date(learnt)
        if learnt.varies:
            return self._now.draw() if len(self._now.waits) >= _LEAST else self._all.draw()
        if len(self._last_hour.waits) >= _LEAST:
            return random.choice(self._last_hour.waits[: len(self._last_hour.waits) // 2])  # noqa: S311 - no secret
        return None

    def _bring_up_to_date(self, learnt: WaitDistribution) -> None:
        self._learnt = learnt
        self._last_hour = WaitDistribution(wait for _, wait in self._spaced)
        if learnt.varies:
            self._now = WaitDistribution(wait for _, wait in self._recent)
            self._all = WaitDistribution((*learnt.waits, *self._last_hour.waits))


class VisitTimes:
    """The latest visits by host and shape of hello, of at most 64 shapes.

    Args:
        host: The site's.
        answers: What was learnt of it. Other shapes than the clients' don't count.
        clock: Returns monotonic seconds.
    """

    def __init__(self, host: str, answers: Answers, clock: Callable[[], float]) -> None:
        self._host = host
        self._answers = answers
        self._clock = clock
        self._waits: OrderedDict[_Key, _Waits] = OrderedDict()  # the last used last

    def __len__(self) -> int:
        return len(self._waits)

    def take_over(self, earlier: VisitTimes) -> None:
        """Begin with all that another one has noted."""
        self._waits.update(earlier._waits)

    def begin(self, said: bytes, heard_mono: float) -> Visit | None:
        """Recognise a visitor with a client's hello; None for others.

        Args:
            said: All that the visitor has sent.
            heard_mono: When the last byte of that came.
        """
        if not len(self._answers) or len(said) > _MOST_HELLO_BYTES:
            return None
        try:
            assembled = client_hello.assemble(said)
            if assembled is None or assembled[1] != len(said):
                return None
            name, key = client_hello.parse(assembled[0]).server_name, hello_key(assembled[0])
        except ClientError:
            return None
        known = None if key is None else self._answers.learnt(self._host, key)
        if known is None or name.lower() != self._host.lower():
            return None
        return Visit((self._host, known.key), heard_mono, known.flights[-1].server_hello_bytes)

    def end(self, visit: Visit, relayed_mono: float, result: RelayResult) -> None:
        """Note how long the site took, if it has answered.

        Args:
            visit: The visit.
            relayed_mono: When the relay got both connections.
            result: How that went.
        """
        if result.first_byte_seconds is None or result.to_client_bytes < visit.answer_bytes:
            return
        waits = self._waits.setdefault(visit.key, _Waits())
        wait = Wait(relayed_mono - visit.heard_mono, result.first_byte_seconds)
        waits.add(relayed_mono + result.first_byte_seconds, wait)
        if len(self._waits) > _MOST_SHAPES:
            self._waits.popitem(last=False)

    def draw(self, key: _Key) -> Wait | None:
        """Draw how long a client waits; None if that is the shortest wait that was learnt."""
        learnt = self._answers.waits(self._host)
        if (waits := self._waits.get(key)) is None:
            return learnt.draw() if learnt.varies else None
        self._waits.move_to_end(key)
        return waits.draw(learnt, self._clock())
