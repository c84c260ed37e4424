"""How long visitors wait for the site's first byte, where a client might have sent the same hello.

Their relays measure it in passing. Whoever compares a client's wait with a visitor's has to be a visitor, too.
"""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from typing import Final, NamedTuple

from ..answers import Answers
from ..errors import ClientError
from ..relay.job import RelayResult
from ..wire import client_hello
from ..wire.hello_key import hello_key

_MOST_SHAPES: Final = 64
_MOST_SAMPLES: Final = 128
_LEAST_SAMPLES: Final = 8
"""As many as there are answers to our own questions: fewer say no more than these."""

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


class VisitTimes:
    """The latest visits by host and shape of hello, of at most 64 shapes.

    Args:
        host: The site's.
        answers: What was learnt of it. Other shapes than the clients' don't count.
    """

    def __init__(self, host: str, answers: Answers) -> None:
        self._host = host
        self._answers = answers
        self._samples: OrderedDict[_Key, deque[tuple[float, float]]] = OrderedDict()  # the last used last

    def __len__(self) -> int:
        return len(self._samples)

    def begin(self, said: bytes, heard_mono: float) -> Visit | None:
        """Recognise a visitor with a client's hello; None for others.

        Args:
            said: All that the visitor has sent.
            heard_mono: When the last byte of that came.
        """
        if not len(self._answers):
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
        samples = self._samples.setdefault(visit.key, deque(maxlen=_MOST_SAMPLES))
        samples.append((relayed_mono - visit.heard_mono, result.first_byte_seconds))
        if len(self._samples) > _MOST_SHAPES:
            self._samples.popitem(last=False)

    def draw(self, key: _Key) -> tuple[float, float] | None:
        """Draw a visit's times: to connect, and of the first byte after that; None as long as there are few visits."""
        if (samples := self._samples.get(key)) is None or len(samples) < _LEAST_SAMPLES:
            return None
        self._samples.move_to_end(key)
        return random.choice(samples)  # noqa: S311 - no secret
