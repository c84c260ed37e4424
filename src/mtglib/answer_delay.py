"""When to answer a client: when a visitor would have got the site's own answer."""

from __future__ import annotations

from typing import Final

from .answers import ChosenAnswer

MOST_SECONDS: Final = 0.2
"""No client waits longer. A site that takes longer can be told from us by its times."""


def due_seconds(answer: ChosenAnswer, ahead_seconds: float) -> float:
    """Return how long after the hello's last byte to answer.

    Args:
        answer: It, with the times that one of the site's has taken.
        ahead_seconds: How long ago the site was dialled when the hello was complete. 0: a visitor's would be dialled
            only then; infinite: it is connected.
    """
    connect_seconds = max(answer.connect_seconds - ahead_seconds, 0.0)
    return min(connect_seconds + answer.first_byte_seconds, MOST_SECONDS)
