"""What can be set about learning how the fronting site answers."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Final

from .ground.checks import as_directory, check_int, check_seconds

MOST_SAMPLES: Final = 64
LEAST_EACH_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontLearning:
    """How to learn what the fronting site answers to clients' hellos.

    With a `directory`, what was learnt survives restarts: it is read when the proxy begins to serve. Several proxies
    may use one directory. A full or read-only disk affects no client: a warning says that a restart would forget what
    was learnt, and a message says when this is over.

    Attributes:
        each_seconds: The pause between two questions about hellos of one shape, at least 600; about a quarter of it is
            left to chance. The first questions follow each other within minutes. A site whose times vary is asked
            every 10 to 30 minutes until 64 of its answers are known.
        samples: The number of first questions, and of the latest answers that clients' answers are drawn from, 1 to 64.
        directory: Where to keep what was learnt; created if missing. None: in memory only.

    Raises:
        OptionError: A value is invalid.
    """

    each_seconds: float = 4 * 3600.0
    samples: int = 3
    directory: str | PathLike[str] | None = None

    def __post_init__(self) -> None:
        check_seconds("each_seconds", self.each_seconds, least=LEAST_EACH_SECONDS)
        check_int("samples", self.samples, MOST_SAMPLES)
        as_directory("directory", self.directory)
