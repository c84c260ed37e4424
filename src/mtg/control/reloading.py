"""Reading the configuration again, for the API. What `App` offers for that is called here and nowhere else."""

from __future__ import annotations

from mtg.control.program import ReloadOutcome, RunningProgram
from mtg.control.route import RequestError
from mtg.control.schemas import Reload


async def reload(program: RunningProgram) -> Reload:
    """Reload, and return what came of it.

    Raises:
        RequestError: The file is broken, and nothing has changed.
    """
    result = await program.reload()
    if not result.is_applied:
        raise RequestError(422, "the configuration has problems, and nothing has changed", result.problems)
    return _described(result)


def last_reload(program: RunningProgram) -> Reload | None:
    """Return what came of the last reload, whoever asked for it; None: there was none."""
    return None if program.last_reload is None else _described(program.last_reload)


def _described(result: ReloadOutcome) -> Reload:
    return Reload(
        is_applied=result.is_applied,
        changed=result.changed,
        unchangeable=result.unchangeable,
        problems=result.problems,
        warnings=result.warnings,
        at_unix=result.at_unix,
    )
