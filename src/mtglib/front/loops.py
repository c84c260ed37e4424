"""A front that leads back to us through somebody else: another proxy, or a rule that translates addresses.

Each connection to such a front is a new visitor of ours, who says what the one before it has said. So one probe would
make connections without end. Their bytes give it away: visitors of one network who say the very same, of whom the site
has answered none. A site answers a whole ClientHello at once, and no two visitors send the same one; so these few are
a loop. Other bytes may honestly be the same, and a site may honestly wait for more: such visitors are slowed down.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

from ..errors import UpstreamError
from ..roster import Entry

_TELLING_BYTES = 64
"""How much of what was said is compared: a hello's random is in there, and how bytes were cut makes no difference."""

_MOST_NESTED_HELLOS = 8
_MOST_ALIKE = 32
_PATIENCE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_LOOKS = 50
_MOST_REMEMBERED = 256


class _Saying(NamedTuple):
    network: int | None
    digest: bytes


class LoopGuard:
    """Finds loops.

    Args:
        refresh: Has every entry's `to_client_bytes` brought up to date.
    """

    def __init__(self, refresh: Callable[[], None]) -> None:
        self._refresh = refresh
        self._unanswered: OrderedDict[_Saying, list[Entry]] = OrderedDict()
        self._waiting: dict[_Saying, asyncio.Task[bool]] = {}

    async def enter(self, entry: Entry, said: bytes, *, is_whole_hello: bool) -> None:
        """Note a visitor who is about to be connected to the site; wait if too many like it have no answer yet.

        Args:
            entry: The visitor.
            said: All that it has sent.
            is_whole_hello: Whether that is a ClientHello, which every site answers.

        Raises:
            UpstreamError: The site leads back to this proxy.
        """
        saying = _Saying(entry.network, blake2b(said[:_TELLING_BYTES], digest_size=16).digest())
        if is_whole_hello:
            if self._count(saying) >= _MOST_NESTED_HELLOS and not await self._is_answered(saying):
                raise UpstreamError("domain-fronting: expected a web site, but it leads back to this proxy")
        elif (beyond := self._count(saying) - _MOST_ALIKE) >= 0:
            await asyncio.sleep(min(_PATIENCE_SECONDS * 2**beyond, _LONGEST_PAUSE_SECONDS))
        alike = self._unanswered.setdefault(saying, [])
        if len(alike) < 2 * _MOST_ALIKE:
            alike.append(entry)
        if len(self._unanswered) > _MOST_REMEMBERED:
            self._unanswered.popitem(last=False)

    async def _is_answered(self, saying: _Saying) -> bool:
        """Tell whether the site has answered some of them, or does so soon. All who ask at once wait together."""
        waiting = self._waiting.get(saying)
        if waiting is None:
            waiting = self._waiting[saying] = asyncio.get_running_loop().create_task(self._wait_for_answer(saying))
            waiting.add_done_callback(lambda _: self._waiting.pop(saying))
        return await asyncio.shield(waiting)

    async def _wait_for_answer(self, saying: _Saying) -> bool:
        for _ in range(_LOOKS):
            self._refresh()
            if self._count(saying) < _MOST_NESTED_HELLOS:
                return True
            await asyncio.sleep(_PATIENCE_SECONDS / _LOOKS)
        return False

    def _count(self, saying: _Saying) -> int:
        """Count the visitors who have said this and have no answer."""
        alike = self._unanswered.get(saying)
        if alike is None:
            return 0
        alike[:] = [entry for entry in alike if not entry.to_client_bytes and not entry.is_over]
        if not alike:
            del self._unanswered[saying]
        return len(alike)
