"""Kinds of options of a bench's command line."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Collection

from tools.probes.sites import ITSELF, RELAYS


def list_of(known: Collection[str]) -> Callable[[str], list[str]]:
    """Make what takes words with commas between them, all of which must be known."""

    def parse(text: str) -> list[str]:
        if unknown := [word for word in text.split(",") if word not in known]:
            raise argparse.ArgumentTypeError(f"no {unknown[0]!r}; there are {', '.join(known)}")
        return text.split(",")

    return parse


def add_sites_and_relays(parser: argparse.ArgumentParser, fronts: Collection[str]) -> None:
    """Add what every bench lets one choose: the sites, and what is compared with them."""
    parser.add_argument("--fronts", type=list_of(fronts), default=list(fronts), help=f"default: {','.join(fronts)}")
    parser.add_argument(
        "--relays",
        type=list_of((*RELAYS, ITSELF)),
        default=list(RELAYS),
        help=f"default: {','.join(RELAYS)}; {ITSELF} is the site once more: what chance does",
    )


def delays_ms(text: str) -> tuple[float, ...]:
    """Take numbers of milliseconds with commas between them, each from 0 on."""
    numbers = tuple(float(word) for word in text.split(","))
    if not all(0 <= number < math.inf for number in numbers):
        raise argparse.ArgumentTypeError("expected milliseconds, 0 or more")
    return numbers


def positive(text: str) -> int:
    """Take a number from 1 on."""
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("expected a positive integer")
    return number
