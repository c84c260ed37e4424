"""When a site may be asked how it answers hellos: seldom and at no fixed times, for we mustn't look like a scanner."""

from __future__ import annotations

import random
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, NamedTuple

_SOON_SECONDS: Final = (60.0, 600.0)
_WITHIN_THE_HOUR_SECONDS: Final = (600.0, 1800.0)
_AFTER_A_FAILURE_SECONDS: Final = (600.0, 1200.0)
_LATER: Final = (0.75, 1.25)
"""How much of the usual pause."""

_MOST_AN_HOUR: Final = 12
_MOST_REMEMBERED: Final = 512

Topic = tuple[str, bytes]
"""A site's host, and what the question is about: the key of a shape."""


class _Plan(NamedTuple):
    due_mono: float
    wanted: int  # answers, before the pause is the usual one again


class Timetable:
    """The due times of questions.

    Args:
        each_seconds: The usual pause between two questions about the same.
        samples: The number of answers that are wanted before.
        clock: Returns monotonic seconds.
    """

    def __init__(self, each_seconds: float, samples: int, clock: Callable[[], float]) -> None:
        self._each_seconds = each_seconds
        self._samples = samples
        self._clock = clock
        self._plans: OrderedDict[Topic, _Plan] = OrderedDict()  # the last changed last
        self._asked_mono: deque[float] = deque(maxlen=_MOST_AN_HOUR)

    def is_due(self, topic: Topic) -> bool | None:
        """Return whether it is time to ask; None if nothing is planned yet."""
        plan = self._plans.get(topic)
        return None if plan is None else plan.due_mono <= self._clock()

    def may_ask(self) -> bool:
        """Whether there were few enough questions within the last hour."""
        return len(self._asked_mono) < _MOST_AN_HOUR or self._clock() - self._asked_mono[0] > 3600

    def asks(self) -> None:
        """Note that a question is asked now."""
        self._asked_mono.append(self._clock())

    def learnt_earlier(self, topic: Topic, answers: int, ago_seconds: float) -> None:
        """Plan the next question after those of an earlier process."""
        if answers < self._samples:
            self.soon(topic, self._samples - answers)
        else:
            seconds = self._each_seconds * random.uniform(*_LATER)  # noqa: S311 - no secret
            self._plan(topic, seconds - max(ago_seconds, 0.0), 0)  # the clock may have been ahead

    def answered(self, topic: Topic, *, is_expected: bool) -> None:
        """Plan the next question: soon after one of the first answers, and after one that is unlike those before."""
        plan = self._plans.get(topic)
        wanted = self._samples if plan is None or not (plan.wanted or is_expected) else plan.wanted
        if wanted > 1:
            self.soon(topic, wanted - 1)
        else:
            self._plan(topic, self._each_seconds * random.uniform(*_LATER), 0)  # noqa: S311 - no secret

    def failed(self, topic: Topic) -> None:
        """Plan the next question for when the site may have recovered."""
        plan = self._plans.get(topic)
        wanted = self._samples if plan is None else plan.wanted
        self._plan(topic, random.uniform(*_AFTER_A_FAILURE_SECONDS), wanted)  # noqa: S311 - no secret

    def soon(self, topic: Topic, wanted: int = 0) -> None:
        """Plan a question within minutes."""
        self._plan(topic, random.uniform(*_SOON_SECONDS), wanted)  # noqa: S311 - no secret

    def within_the_hour(self, topic: Topic) -> None:
        """Plan a question in 10 to 30 minutes."""
        self._plan(topic, random.uniform(*_WITHIN_THE_HOUR_SECONDS), 0)  # noqa: S311 - no secret

    def _plan(self, topic: Topic, seconds: float, wanted: int) -> None:
        self._plans[topic] = _Plan(self._clock() + seconds, wanted)
        self._plans.move_to_end(topic)
        if len(self._plans) > _MOST_REMEMBERED:
            self._plans.popitem(last=False)
