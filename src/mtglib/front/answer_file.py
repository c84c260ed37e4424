"""The file in which a site's answers are kept over restarts: a line of JSON for each shape of hello.

Its first line names the site. Records have named fields: a newer version may add some, and an older one finds its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ..answers import MOST_SHAPES, LearntAnswer, LearntWait, Offer
from ..ground.checks import is_number
from ..waits import MOST_WAITS, Wait
from ..wire.handshake import KEY_SHARE, SUPPORTED_VERSIONS, NamedGroup
from ..wire.hello_shape import KEY_BYTES
from ..wire.server_flight import MAX_FLIGHT_BYTES, Flight
from ..wire.server_hello import AnswerShape
from .site_store import FileKind

MOST_FLIGHTS: Final = 64
"""The most answers that are kept of one shape."""

_MOST_NUMBERS: Final = 8192
_LEAST_BYTES: Final = 100
"""Less than any ServerHello or encrypted flight has."""
_DAMAGED: Final = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
_OPTIONAL: Final = Flight._field_defaults.keys()


def write_answers(host: str, answers: Iterable[LearntAnswer]) -> bytes:
    """Make the file's bytes, with the answers in the given order."""
    lines = [{"host": host}, *(_to_record(answer) for answer in answers)]
    return b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)


def read_answers(host: str, data: bytes) -> tuple[list[LearntAnswer], int]:
    """Read a file's bytes; return the answers that can be read, and the number of those that can't.

    Raises:
        ValueError: Its first line says that it isn't such a file, or that of another site.
    """
    first, *lines = data.splitlines() or [b""]
    try:
        is_of_host = json.loads(first)["host"] == host
    except _DAMAGED:
        is_of_host = False
    if not is_of_host:
        raise ValueError("a file of something else")
    answers = []
    for line in lines[:MOST_SHAPES]:
        try:
            answers.append(_from_record(json.loads(line)))
        except _DAMAGED:
            continue
    return answers, len(lines) - len(answers)


ANSWERS: Final = FileKind("answers", "front-learning", read_answers, write_answers)
"""How `SiteStore` keeps them."""


def _to_record(answer: LearntAnswer) -> dict[str, Any]:
    flights = [{**flight._asdict(), "shape": flight.shape._asdict()} for flight in answer.flights]
    return {
        "key": answer.key.hex(),
        "learnt_unix": answer.learnt_unix,
        "offer": answer.offer._asdict(),
        "flights": flights,
        "waits": [[learnt_unix, *wait] for learnt_unix, wait in answer.waits],
    }


def _from_record(record: Mapping[str, Any]) -> LearntAnswer:
    key = bytes.fromhex(record["key"])
    offer = Offer(**{name: _numbers(record["offer"].get(name, [])) for name in Offer._fields})
    flights = [_flight(each) for each in record["flights"]][-MOST_FLIGHTS:]
    is_possible = len(key) == KEY_BYTES and flights and all(offer.can_follow(flight.shape) for flight in flights)
    if not is_possible or not is_number(record["learnt_unix"]):
        raise ValueError("what no site answers")
    learnt_unix = record["learnt_unix"]
    waits = _waits(record["waits"]) if "waits" in record else _waits_of(flights, learnt_unix)
    return LearntAnswer(key, offer, flights, learnt_unix, waits)


def _flight(record: Mapping[str, Any]) -> Flight:
    shape, sizes = record["shape"], ("server_hello_bytes", "encrypted_bytes")
    answer = AnswerShape(shape["suite"], _numbers(shape["extensions"]), NamedGroup(shape["group"]))
    seconds = {name: record[name] for name in _OPTIONAL if name in record}
    if (
        sorted(answer.extensions) != [SUPPORTED_VERSIONS, KEY_SHARE]
        or not all(
            isinstance(record[name], int) and is_number(record[name], _LEAST_BYTES, MAX_FLIGHT_BYTES) for name in sizes
        )
        or not all(is_number(value, 0) for value in seconds.values())
    ):
        raise ValueError("what no site answers")
    return Flight(answer, *(record[name] for name in sizes), **seconds)


def _waits(values: Any) -> list[LearntWait]:
    waits = [(learnt_unix, Wait(*seconds)) for learnt_unix, *seconds in values[-MOST_WAITS:]]
    if not all(is_number(learnt_unix) and all(is_number(each, 0) for each in wait) for learnt_unix, wait in waits):
        raise ValueError("no waits")
    return waits


def _waits_of(flights: Iterable[Flight], learnt_unix: float) -> list[LearntWait]:
    """Return what files have that were written before waits were kept on their own."""
    return [(learnt_unix, Wait(flight.connect_seconds, flight.first_byte_seconds)) for flight in flights]


def _numbers(values: Any) -> tuple[int, ...]:
    """Read a list of numbers of two bytes each."""
    if not isinstance(values, list) or len(values) > _MOST_NUMBERS:
        raise ValueError("no list")
    if not all(isinstance(value, int) and is_number(value, 0, 0xFFFF) for value in values):
        raise ValueError("no numbers")
    return tuple(values)
