"""Where prefixes come from: a file or a URL, with what was last good."""

import asyncio
import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import OptionError
from ..interfaces import Network
from .copies import Copies, Validators
from .download import ListError, download
from .files import read_bounded
from .prefixes import Prefixes, PrefixSet

# What blocks runs in the event loop's executor, whose threads a program waits for before it ends: that is as long as
# the parsing of one list takes, at the most. In a daemon thread the engine would be met by the interpreter's end.
_in_thread = asyncio.to_thread

# Of the shortest lines, as many as fit into a download would take half a gigabyte.
_MAX_LINES = 2_000_000


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """What became of a source.

    Attributes:
        label: Its path, or its URL without what may be secret.
        prefixes: How many it has now.
        broken_lines: How many lines of it were skipped.
        problem: Why its last update failed; empty: it didn't.
    """

    label: str
    prefixes: int
    broken_lines: int
    problem: str


class Source(ABC):
    """One part of a list.

    Attributes:
        label: What to call it in public.
        prefixes: What was last good.
        problem: Why the last update failed; empty: it didn't.
        cache_error: Why the copy couldn't be written the last time; None: it could.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.prefixes: Prefixes = PrefixSet(b"")
        self.problem = ""
        self.cache_error: OSError | None = None
        self._digest = b""

    def status(self) -> SourceStatus:
        """Return how things are."""
        return SourceStatus(self.label, self.prefixes.count, self.prefixes.broken_lines, self.problem)

    @abstractmethod
    async def load(self) -> bool:
        """Take what is on this machine, if nothing is there yet; tell whether there was something good."""

    @abstractmethod
    async def update(self) -> bool:
        """Read it anew; tell whether that was news.

        Raises:
            Exception: It can't be had or is no list; what was there stays.
        """

    async def _take(self, text: bytes, *, may_be_empty: bool) -> bool:
        """Replace the prefixes; tell whether that was news."""
        digest, prefixes = await _in_thread(_parse, text, self._digest)
        if prefixes is None:
            return False
        if prefixes.broken_lines > prefixes.count or not (prefixes.count or may_be_empty):
            raise ListError(f"not a list: {prefixes.broken_lines} broken lines, {prefixes.count} good ones")
        self._digest, self.prefixes = digest, prefixes
        return True


def _parse(text: bytes, known_digest: bytes) -> tuple[bytes, Prefixes | None]:
    if text.count(b"\n") > _MAX_LINES:
        raise ListError(f"more than {_MAX_LINES} lines")
    digest = hashlib.sha256(text).digest()
    return digest, None if digest == known_digest else PrefixSet(text)


class FileSource(Source):
    """A local file; it may be empty, since somebody here wants it so."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        super().__init__(str(path))
        self._path = path
        self._max_bytes = max_bytes

    async def load(self) -> bool:
        """See `Source.load`; what is wrong with the file is told by `update`."""
        try:
            return not self._digest and await self.update()
        except (OSError, ValueError, ListError):
            return False

    async def update(self) -> bool:
        """See `Source.update`."""
        return await self._take(await _in_thread(read_bounded, self._path, self._max_bytes), may_be_empty=True)


class URLSource(Source):
    """A download, and its copy on disk."""

    def __init__(
        self, url: str, network: Network, copies: Copies | None, *, timeout_seconds: float, max_bytes: int
    ) -> None:
        super().__init__(_public_part(url))
        self._url = url
        self._network = network
        self._copies = copies
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._validators = Validators()
        self._kept = (b"", Validators())

    async def load(self) -> bool:
        """See `Source.load`."""
        if self._copies is None or self._digest:
            return False
        copy = await _in_thread(self._copies.read, self._url)
        if copy is None:
            return False
        text, validators = copy
        try:
            await self._take(text, may_be_empty=False)
        except ListError:
            return False
        self._validators = validators
        self._kept = (self._digest, validators)
        return True

    async def update(self) -> bool:
        """See `Source.update`."""
        answer = await download(
            self._network,
            self._url,
            self._validators,
            timeout_seconds=self._timeout_seconds,
            max_bytes=self._max_bytes,
        )
        if answer is None:
            return False
        text, validators = answer
        is_news = await self._take(text, may_be_empty=False)
        is_kept = await self._keep(text, validators)
        # Where there should be a copy and is none, the next answer has to be the text again.
        self._validators = validators if is_kept else Validators()
        return is_news

    async def _keep(self, text: bytes, validators: Validators) -> bool:
        if self._copies is None or (self._digest, validators) == self._kept:
            return True
        try:
            await _in_thread(self._copies.write, self._url, text, validators)
        except OSError as error:
            self.cache_error = error
            return False
        self.cache_error = None
        self._kept = (self._digest, validators)
        return True


def make_source(
    number: int,
    text: str,
    *,
    network: Network,
    copies: Copies | None,
    timeout_seconds: float,
    max_bytes: int,
) -> Source:
    """Make the source that an option names.

    Raises:
        OptionError: It names none.
    """
    if text.startswith("/"):
        return FileSource(Path(text), max_bytes)
    if not _is_http_url(text):
        # Not repeated: it may be a URL with a password and a slip.
        raise OptionError(f"urls[{number}]", "an http(s) URL or an absolute path")
    return URLSource(text, network, copies, timeout_seconds=timeout_seconds, max_bytes=max_bytes)


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text if text.isprintable() and " " not in text else "")
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _public_part(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
