"""All probes, by kind."""

from __future__ import annotations

from tools.probes.catalogue import endings, hellos, mutations, paces, pieces, protocols, replays, tls, urgent
from tools.probes.probe import Probe

KINDS = {
    "replay": replays.PROBES,
    "hello": hellos.PROBES,
    "protocol": protocols.PROBES,
    "ending": endings.PROBES,
    "pace": paces.PROBES,
    "pieces": pieces.PROBES,
    "urgent": urgent.PROBES,
    "tls": tls.PROBES,
    "flip": mutations.FLIPS,
    "truncation": mutations.TRUNCATIONS,
    "late": replays.LATE,
    "minute": endings.MINUTE,
}

OVER_LOOPBACK = ("flip", "truncation", "late", "minute")
"""Kinds that aren't tried over a wire: there are too many of them, or they take too long."""

WAITING = ("late", "minute")
"""Kinds that mostly wait, and run beside all others."""


def probes(kinds: list[str]) -> list[Probe]:
    """Return the probes of these kinds; the name of a probe or a family, or its beginning, works like a kind."""
    return [
        probe
        for kind, group in KINDS.items()
        for probe in group
        if kind in kinds or any(probe.title.startswith(word) for word in kinds)
    ]
