"""Reading the configuration again, for the API. What `App` offers for that is called here and nowhere else."""

from __future__ import annotations

import time
from weakref import WeakKeyDictionary

from mtg.control.program import RunningProgram
from mtg.control.route import RequestError
from mtg.control.schemas import Reload

_last: WeakKeyDictionary[RunningProgram, Reload] = WeakKeyDictionary()


async def reload(program: RunningProgram) -> Reload:
    """Reload, and return what came of it.

    Raises:
        RequestError: The file is broken, and nothing has changed.
    """
    result = _last[program] = await _reload(program)
    if not result.is_applied:
        raise RequestError(422, "the configuration has problems, and nothing has changed", result.problems)
    return result


def last_reload(program: RunningProgram) -> Reload | None:
    """Return what came of the last reload that the API was asked for; None: there was none."""
    return _last.get(program)


async def _reload(program: RunningProgram) -> Reload:
    """Read IP lists again; that is all that can be changed without a restart."""
    await program.reload_lists()
    lists = [ip_list for ip_list, _ in program.parts.ip_lists]
    return Reload(
        is_applied=True,
        changed=(),
        unchangeable=(),
        problems=tuple(f"{one.label}: {one.problem}" for ip_list in lists for one in ip_list.sources if one.problem),
        warnings=("IP lists were read again; a changed configuration takes a restart",),
        at_unix=time.time(),
    )
