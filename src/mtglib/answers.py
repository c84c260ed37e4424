"""How a site answers hellos of each shape, as far as it was learnt, and which of that a client gets."""

from __future__ import annotations

import random
from collections import OrderedDict
from typing import Final, NamedTuple

from .wire.client_hello import ClientHello
from .wire.hello_shape import HelloShape
from .wire.server_flight import Flight
from .wire.server_hello import MAX_NOISE_BYTES, MIN_NOISE_BYTES, AnswerShape, default_shape
from .wire.tls_records import HEADER_BYTES, MAX_CIPHERTEXT_BYTES

_MOST_SHAPES: Final = 256
_MOST_SAMPLES: Final = 8
_NOISE_LENGTHS: Final = MAX_NOISE_BYTES - MIN_NOISE_BYTES + 1

_Key = tuple[str, bytes]


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


class Answers:
    """Answers of sites, by host and shape of hello; of the shapes that are used least, none is kept beyond 256."""

    def __init__(self) -> None:
        self._samples: OrderedDict[_Key, list[Flight]] = OrderedDict()  # the last used last

    def __len__(self) -> int:
        return len(self._samples)

    def seen(self, host: str, hello: HelloShape) -> tuple[Flight, ...]:
        """Return the site's latest answers to this shape."""
        return tuple(self._samples.get((host, hello.key), ()))

    def add(self, host: str, hello: HelloShape, flight: Flight) -> None:
        """Note how the site has answered a hello of this shape."""
        samples = self._samples.setdefault((host, hello.key), [])
        samples.append(flight)
        del samples[:-_MOST_SAMPLES]
        if len(self._samples) > _MOST_SHAPES:
            self._samples.popitem(last=False)

    def choose(self, host: str, hello: HelloShape) -> ChosenAnswer | None:
        """Choose an answer that the site gave to this shape, or else to another one, if the client can follow it.

        None if nothing was learnt that the client can follow.
        """
        if (samples := self._samples.get((host, hello.key))) is not None:
            self._samples.move_to_end((host, hello.key))
        else:
            samples = self._nearest(host, hello)
        if not samples:
            return None
        flight = random.choice(samples)  # noqa: S311 - no secret
        noise_bytes = min(flight.encrypted_bytes - HEADER_BYTES, MAX_CIPHERTEXT_BYTES)
        return ChosenAnswer(flight.shape, noise_bytes, flight.connect_seconds, flight.first_byte_seconds)

    def _nearest(self, host: str, hello: HelloShape) -> list[Flight]:
        """Return the latest answers of the site that a client with this hello can follow."""
        for (other_host, _), samples in reversed(self._samples.items()):
            shape = samples[-1].shape
            if other_host == host and shape.group in hello.key_shares and shape.suite in hello.cipher_suites:
                return samples
        return []
