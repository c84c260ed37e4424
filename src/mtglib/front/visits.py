"""How long visitors wait for the site's first byte, where a client might have sent the same hello.

Their relays measure it in passing. Whoever compares a client's wait with a visitor's has to be a visitor, too, and at
the same time: so visits of the last two seconds say best how long a client has to wait. Without any, what many visits
have in common does. A crowd of visitors makes the site slow for as long as it lasts; it must not make clients wait when
it is over.
"""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, NamedTuple

from ..answers import Answers
from ..errors import ClientError
from ..relay.job import RelayResult
from ..wire import client_hello
from ..wire.hello_key import hello_key

_MOST_SHAPES: Final = 64
_MOST_RECENT: Final = 32
_RECENT_SECONDS: Final = 2.0
_MOST_SPACED: Final = 64
_LEAST_SPACED: Final = 8
"""As many as there are answers to our own questions: fewer say no more than these."""
_SPACE_SECONDS: Final = 10.0
"""Between two visits that are remembered for longer: one burst of visitors is one visit of many."""
_SPACED_SECONDS: Final = 3600.0

_MOST_HELLO_BYTES: Final = 4096
"""More than a client's; taking the longest hellos apart costs more than all the rest of a visit."""

_Key = tuple[str, bytes]


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


class _Wait(NamedTuple):
    """How long a visitor waited until the site was connected, and then for its first byte."""

    noted_mono: float
    connect_seconds: float
    first_byte_seconds: float

    @property
    def seconds(self) -> float:
        return self.connect_seconds + self.first_byte_seconds


class _Waits:
    """Those of one shape: the latest ones, and some of the last hour."""

    def __init__(self) -> None:
        self._recent: deque[_Wait] = deque(maxlen=_MOST_RECENT)
        self._spaced: deque[_Wait] = deque(maxlen=_MOST_SPACED)

    def add(self, wait: _Wait) -> None:
        self._recent.append(wait)
        if not self._spaced or wait.noted_mono - self._spaced[-1].noted_mono >= _SPACE_SECONDS:
            self._spaced.append(wait)

    def draw(self, now_mono: float) -> _Wait | None:
        """Draw one of the recent waits, or else one of the faster half of the others."""
        waits = [wait for wait in self._recent if now_mono - wait.noted_mono <= _RECENT_SECONDS]
        if not waits:
            spaced = [wait for wait in self._spaced if now_mono - wait.noted_mono <= _SPACED_SECONDS]
            if len(spaced) >= _LEAST_SPACED:
                waits = sorted(spaced, key=lambda wait: wait.seconds)[: len(spaced) // 2]
        return random.choice(waits) if waits else None  # noqa: S311 - no secret


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
        connect_seconds = relayed_mono - visit.heard_mono
        noted_mono = relayed_mono + result.first_byte_seconds
        waits = self._waits.setdefault(visit.key, _Waits())
        waits.add(_Wait(noted_mono, connect_seconds, result.first_byte_seconds))
        if len(self._waits) > _MOST_SHAPES:
            self._waits.popitem(last=False)

    def draw(self, key: _Key) -> tuple[float, float] | None:
        """Draw a visit's times: to connect, and of the first byte after that; None if too little is known."""
        if (waits := self._waits.get(key)) is None or (wait := waits.draw(self._clock())) is None:
            return None
        self._waits.move_to_end(key)
        return wait.connect_seconds, wait.first_byte_seconds
