"""A source of prefixes, with its last good contents; a local file is the simple case."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .files import read_file
from .list_error import ListError
from .pieces import sha256
from .prefixes import Prefixes, PrefixSet

# Blocking calls run in the event loop's executor, whose threads a program waits for before it ends: at most for as long
# as parsing one list takes. A daemon thread might still be in the engine when the interpreter ends.
in_thread = asyncio.to_thread

# As many of the shortest lines as fit into a download would take half a gigabyte.
_MAX_LINES = 2_000_000


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """The status of a source.

    Attributes:
        label: The path, or the URL without user, password, query and fragment.
        prefixes: The number of prefixes from it now in use.
        broken_lines: The number of lines that were skipped.
        problem: Why the last attempt to read it failed, in one line; empty: it succeeded.
    """

    label: str
    prefixes: int
    broken_lines: int
    problem: str


class Source(ABC):
    """One part of a list.

    Attributes:
        name: The whole URL or path, which may contain a password; `label`, unless it is given.
        label: The name to show in logs.
        secrets: Texts that must not be shown in errors.
        prefixes: The last good contents.
        origin: Where the prefixes were read from.
        problem: Why the last attempt to read it failed; empty: it succeeded.
        cache_error: Why the last attempt to write the copy failed; None: it succeeded.
        busy: Held while it is being read.
        digest: That of the contents; empty as long as nothing is loaded.
        read_mono: When it was last read without a problem (`time.monotonic`); None: it wasn't.
    """

    def __init__(self, label: str, secrets: tuple[str, ...] = (), *, name: str = "") -> None:
        self.name = name or label
        self.read_mono: float | None = None
        self.label = label
        self.secrets = secrets
        self.prefixes: Prefixes = PrefixSet(b"")
        self.origin = ""
        self.problem = ""
        self.cache_error: OSError | None = None
        self.busy = asyncio.Lock()
        self.digest = b""

    def take_over(self, earlier: Self) -> None:
        """Begin with the contents of another object for the same source."""
        self.prefixes, self.origin, self.digest = earlier.prefixes, earlier.origin, earlier.digest
        self.problem, self.cache_error, self.read_mono = earlier.problem, earlier.cache_error, earlier.read_mono

    def status(self) -> SourceStatus:
        """Return the status."""
        return SourceStatus(self.label, self.prefixes.count, self.prefixes.broken_lines, self.problem)

    @abstractmethod
    async def load(self) -> None:
        """Load the data on this machine, unless the source is already loaded.

        Raises:
            Exception: The data can't be used.
        """

    @abstractmethod
    async def update(self) -> None:
        """Read the source again.

        Raises:
            Exception: The source can't be read or isn't a list; the old contents stay.
        """

    async def _take(self, text: Sequence[bytes], origin: str, *, may_be_empty: bool) -> None:
        """Replace the prefixes if the text has changed. It is given in pieces of whole lines.

        Raises:
            ListError: The text isn't a list.
        """
        digest, prefixes = await in_thread(_parse, text, self.digest)
        if prefixes is None:
            return
        if prefixes.broken_lines > prefixes.count or not (prefixes.count or may_be_empty):
            raise ListError(f"not an IP list: {prefixes.broken_lines} invalid lines, {prefixes.count} valid ones")
        self.digest, self.prefixes, self.origin = digest, prefixes, origin


def _parse(text: Sequence[bytes], known_digest: bytes) -> tuple[bytes, Prefixes | None]:
    if sum(piece.count(b"\n") for piece in text) > _MAX_LINES:
        raise ListError(f"more than {_MAX_LINES} lines")
    digest = sha256(text)
    return digest, None if digest == known_digest else PrefixSet(*text)


class FileSource(Source):
    """A local file. It may be empty: the operator may want that.

    Args:
        path: The file's path.
        max_bytes: The most bytes; a longer file is an error.
        disk: Held while it is read.
    """

    def __init__(self, path: Path, max_bytes: int, disk: asyncio.Semaphore) -> None:
        super().__init__(str(path))
        self._path = path
        self._max_bytes = max_bytes
        self._disk = disk

    async def load(self) -> None:
        """See `Source.load`."""
        if not self.digest:
            await self.update()

    async def update(self) -> None:
        """See `Source.update`."""
        async with self._disk:
            await self._take(await in_thread(read_file, self._path, self._max_bytes), "file", may_be_empty=True)
