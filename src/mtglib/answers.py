"""How sites answer hellos of each shape, as far as it was learnt, and which of that a client gets."""

from __future__ import annotations

import heapq
import operator
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .waits import MOST_WAITS, Wait, WaitDistribution
from .wire.client_hello import ClientHello
from .wire.hello_shape import HelloShape
from .wire.server_flight import Flight
from .wire.server_hello import MAX_NOISE_BYTES, MIN_NOISE_BYTES, AnswerShape, default_shape
from .wire.tls_records import HEADER_BYTES

MOST_SHAPES: Final = 256
"""The most shapes whose answers are kept, of all sites together."""

_MOST_NOISE_BYTES: Final = 10 * 1024
"""The longest record that all clients take in an answer. Telegram for iOS refuses longer ones (MTTcpConnection.m)."""

_SPREAD_BYTES: Final = 16
"""Between the flights of a site that hasn't changed: signatures vary in length by less."""

_LATEST_WAITS: Final = 8
"""With three, all may have been late. Of more, some would be of a day long ago, when the site may have been quicker."""

_UNKNOWN_WAIT: Final = Wait(0.0, 0.0)
_seconds: Final = operator.attrgetter("seconds")

_NOISE_LENGTHS: Final = MAX_NOISE_BYTES - MIN_NOISE_BYTES + 1

_Key = tuple[str, bytes]

LearntWait = tuple[float, Wait]
"""When it was learnt, Unix seconds, and how long it was."""


class ChosenAnswer(NamedTuple):
    """What to answer a client.

    Attributes:
        shape: The ServerHello's.
        noise_bytes: The length of what stands for the encrypted flight, without its record's header.
        connect_seconds, first_byte_seconds: How long the site took to be connected, and then to answer; 0 if that isn't
            known.
    """

    shape: AnswerShape
    noise_bytes: int
    connect_seconds: float = 0.0
    first_byte_seconds: float = 0.0


def default_answer(hello: ClientHello) -> ChosenAnswer:
    """Choose as most sites of today would answer."""
    noise_bytes = MIN_NOISE_BYTES + int(_NOISE_LENGTHS * random.random())  # noqa: S311 - no secret
    return ChosenAnswer(default_shape(hello), noise_bytes)


class Offer(NamedTuple):
    """What of a hello decides how a site answers it, the most important first."""

    key_shares: tuple[int, ...]
    cipher_suites: tuple[int, ...]
    groups: tuple[int, ...]
    signature_algorithms: tuple[int, ...]
    extension_types: tuple[int, ...]

    @classmethod
    def of(cls, hello: HelloShape) -> Offer:
        """Return that of a hello."""
        groups, algorithms = hello.groups, hello.signature_algorithms
        return cls(tuple(hello.key_shares), hello.cipher_suites, groups, algorithms, hello.extension_types)

    def can_follow(self, *answers: AnswerShape) -> bool:
        """Whether the client can go on after any of these answers."""
        return all(answer.group in self.key_shares and answer.suite in self.cipher_suites for answer in answers)

    def likeness(self, answer: LearntAnswer) -> tuple[bool, ...]:
        """Compare with what was offered for an answer: the larger, the nearer."""
        return tuple(map(operator.eq, self, answer.offer))


@dataclass(slots=True)
class LearntAnswer:
    """How a site answers hellos of one shape.

    Attributes:
        key: The shape's.
        offer: What such hellos offer.
        flights: The latest answers, at least one.
        learnt_unix: When the last of them came, Unix seconds.
        waits: How long the latest 64 answers took, each with the time when that was learnt.
        shortest_wait: That of the latest eight; others may have been longer because we or the site were busy.
    """

    key: bytes
    offer: Offer
    flights: list[Flight]
    learnt_unix: float
    waits: list[LearntWait] = field(default_factory=list)
    shortest_wait: Wait = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        measured = (wait for _, wait in self.waits[-_LATEST_WAITS:] if wait.seconds > 0)
        self.shortest_wait = min(measured, key=_seconds, default=_UNKNOWN_WAIT)

    @property
    def shapes(self) -> set[AnswerShape]:
        """Those of the flights."""
        return {flight.shape for flight in self.flights}

    def expects(self, flight: Flight) -> bool:
        """Whether a further answer is like those before."""
        sizes = [each.encrypted_bytes for each in self.flights]
        is_within = min(sizes) - _SPREAD_BYTES <= flight.encrypted_bytes <= max(sizes) + _SPREAD_BYTES
        return is_within and flight.shape == self.flights[-1].shape


class Answers:
    """Answers of sites, by host and shape of hello; of the shapes used least lately, none is kept beyond 256.

    Args:
        samples: The number of answers to a shape that are kept: the latest ones.
    """

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._learnt: OrderedDict[_Key, LearntAnswer] = OrderedDict()  # the last used last
        self._nearest: dict[_Key, LearntAnswer | None] = {}  # for shapes that nothing was learnt of
        self._waits: dict[str, WaitDistribution] = {}

    def __len__(self) -> int:
        return len(self._learnt)

    def learnt(self, host: str, key: bytes) -> LearntAnswer | None:
        """Return the site's answer to a shape."""
        return self._learnt.get((host, key))

    def of(self, host: str) -> list[LearntAnswer]:
        """Return all answers of a site, that to the shape used last at the end."""
        return [answer for (of_host, _), answer in self._learnt.items() if of_host == host]

    def add(self, host: str, hello: HelloShape, flight: Flight, now_unix: float) -> bool:
        """Note how the site has answered a hello; return whether it is as before, or the first one."""
        answer = self._learnt.get((host, hello.key))
        is_expected = answer is None or answer.expects(flight)
        flights = [*(answer.flights if answer is not None else ()), flight][-self._samples :]
        wait = now_unix, Wait(flight.connect_seconds, flight.first_byte_seconds)
        waits = [*(answer.waits if answer is not None else ()), wait][-MOST_WAITS:]
        self._keep(host, [LearntAnswer(hello.key, Offer.of(hello), flights, now_unix, waits)])
        return is_expected

    def take_over(self, earlier: Answers) -> None:
        """Add all that another one has learnt."""
        for (host, key), answer in earlier._learnt.items():
            flights = answer.flights[-self._samples :]
            kept = LearntAnswer(key, answer.offer, flights, answer.learnt_unix, answer.waits)
            self._keep(host, [kept])

    def waits(self, host: str) -> WaitDistribution:
        """Return how long the latest answers of a site took, whatever the shape of the hello: 64 of them at most."""
        if (known := self._waits.get(host)) is None:
            everything = (wait for answer in self.of(host) for wait in answer.waits)
            known = WaitDistribution(wait for _, wait in heapq.nlargest(MOST_WAITS, everything))
            self._waits[host] = known
        return known

    def restore(self, host: str, answers: Iterable[LearntAnswer]) -> None:
        """Add what was learnt earlier, the shape used last at the end. What was learnt since stays."""
        self._keep(host, [answer for answer in answers if (host, answer.key) not in self._learnt])

    def choose(self, host: str, key: bytes, read: Callable[[], HelloShape]) -> ChosenAnswer | None:
        """Choose an answer that the site gave to this shape, or else to the nearest one that the client can follow.

        None if there is none.

        Args:
            host: The site's.
            key: The shape's.
            read: Returns the shape; called if nothing was learnt of it.
        """
        answer = self._learnt.get((host, key))
        if answer is not None:
            self._learnt.move_to_end((host, key))
        else:
            answer = self._find_nearest((host, key), read)
        if answer is None:
            return None
        flight = answer.flights[int(len(answer.flights) * random.random())]  # noqa: S311 - no secret
        noise_bytes = min(flight.encrypted_bytes - HEADER_BYTES, _MOST_NOISE_BYTES)
        return ChosenAnswer(flight.shape, noise_bytes, *answer.shortest_wait)

    def _keep(self, host: str, answers: Iterable[LearntAnswer]) -> None:
        for answer in answers:
            self._learnt[host, answer.key] = answer
        while len(self._learnt) > MOST_SHAPES:
            self._learnt.popitem(last=False)
        self._nearest.clear()
        self._waits.pop(host, None)

    def _find_nearest(self, key: _Key, read: Callable[[], HelloShape]) -> LearntAnswer | None:
        if key not in self._nearest:
            if len(self._nearest) >= MOST_SHAPES:
                self._nearest.clear()
            offer = Offer.of(read())
            followed = [answer for answer in reversed(self.of(key[0])) if offer.can_follow(*answer.shapes)]
            self._nearest[key] = max(followed, key=offer.likeness, default=None)
        return self._nearest[key]
