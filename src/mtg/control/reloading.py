"""Reading the configuration again, for the API. What `App` offers for that is called here and nowhere else."""

from __future__ import annotations

import time
from weakref import WeakKeyDictionary

from mtg.control.program import RunningProgram
from mtg.control.schemas import Reload

_last: WeakKeyDictionary[RunningProgram, tuple[float, Reload]] = WeakKeyDictionary()


async def reload(program: RunningProgram) -> Reload:
    """Reload, and return what came of it."""
    await program.reload_lists()
    lists = [ip_list for ip_list, _ in program.parts.ip_lists]
    problems = [f"{source.label}: {source.problem}" for one in lists for source in one.sources if source.problem]
    done = Reload(
        changed=("IP lists",) if lists else (),
        not_changed=("everything else in the configuration: it takes a restart",),
        problems=tuple(problems),
    )
    _last[program] = (time.time(), done)
    return done


def last_reload(program: RunningProgram) -> tuple[float | None, Reload | None]:
    """Return when somebody last asked for a reload, Unix seconds, and what came of it."""
    return _last.get(program, (None, None))
