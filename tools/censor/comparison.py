"""Are connections through the proxy like those to the site? Some things must be equal, others alike."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from support.tls_records import HANDSHAKE, make_record
from tools.censor.observation import Observation
from tools.probes.chance import fisher_exact, ks_two_sample
from tools.probes.describe import describe
from tools.probes.judge import LEAST_P


@dataclass
class Comparison:
    """Hellos of one shape, to the site and through one proxy; ``differences`` says how an aspect differs.

    ``at_proxy`` is what clients get from it, and ``of_visitors`` what others do; a proxy that doesn't delay its answers
    gives clients ``undelayed``. Without times, both are empty.
    """

    key: str
    shape: str
    proxy: str
    at_site: list[Observation] = field(default_factory=list)
    at_proxy: list[Observation] = field(default_factory=list)
    of_visitors: list[Observation] = field(default_factory=list)
    undelayed: list[Observation] = field(default_factory=list)
    differences: dict[str, str] = field(default_factory=dict)


def differences(
    at_site: Sequence[Observation],
    at_proxy: Sequence[Observation],
    of_visitors: Sequence[Observation] = (),
    slack_seconds: float = 0.0,
) -> dict[str, str]:
    """Say what differs, by aspect, which is an attribute of observations.

    Answers are compared with the site's, and their times with those of visitors: without any, no times are. Medians of
    times may differ by ``slack_seconds``.
    """
    found = {}
    for aspect, judge in _JUDGES.items():
        if said := judge(values(at_site, aspect), values(at_proxy, aspect)):
            found[aspect] = said
    for aspect in TIMES if of_visitors else ():
        if said := other_times(values(of_visitors, aspect), values(at_proxy, aspect), slack_seconds):
            found[aspect] = said
    return found


def p_of_times(some: Sequence[Observation], others: Sequence[Observation]) -> float:
    """Return how likely first bytes that differ as much after hellos are, if it is chance."""
    return ks_two_sample(values(some, TIMES[0]), values(others, TIMES[0]))


def values(observations: Sequence[Observation], aspect: str) -> list[Any]:
    """Return the values of one aspect, where there are any."""
    return [value for one in observations if (value := getattr(one, aspect)) is not None]


def unequal(at_site: Sequence[str], at_proxy: Sequence[str]) -> str | None:
    """Say what comes from the proxy that never comes from the site."""
    known = set(at_site)
    if not (others := [value for value in at_proxy if value not in known]):
        return None
    usual, ours = (_in_words(Counter(said).most_common(1)[0][0]) for said in (at_site, others))
    return f"{len(others)} of {len(at_proxy)} differ: {usual} at the site, {ours} here"


def out_of_spread(at_site: Sequence[int], at_proxy: Sequence[int]) -> str | None:
    """Say how many sizes are out of the site's range, if more than the site itself might have had by chance."""
    least, most = min(at_site), max(at_site)
    outside = [size for size in at_proxy if not least <= size <= most]
    if fisher_exact(0, len(at_site), len(outside), len(at_proxy)) >= LEAST_P:
        return None
    return f"{len(outside)} of {len(at_proxy)} not in {least}-{most} bytes, but in {min(outside)}-{max(outside)}"


def other_times(of_visitors: Sequence[float], of_clients: Sequence[float], slack_seconds: float = 0.0) -> str | None:
    """Say how the medians are apart, if both samples can be told apart, and that by more than the slack."""
    usual, ours = statistics.median(of_visitors), statistics.median(of_clients)
    if (p := ks_two_sample(of_visitors, of_clients)) > LEAST_P or abs(ours - usual) < slack_seconds:
        return None
    return f"p {p:.1g}: {usual * 1000:.2f} ms for visitors, {ours * 1000:.2f} for clients"


def _in_words(said: str) -> str:
    """Messages are hexadecimal, and hard to read; all else is in words already."""
    try:
        return describe(make_record(HANDSHAKE, bytes.fromhex(said)))
    except ValueError:
        return said


TIMES = ("after_hello_seconds", "after_connect_seconds")
_JUDGES: dict[str, Callable[[Sequence[Any], Sequence[Any]], str | None]] = {
    "ja4s": unequal,
    "server_hello": unequal,
    "flight_bytes": out_of_spread,
}
ASPECTS = (*_JUDGES, *TIMES)
"""What is compared."""
