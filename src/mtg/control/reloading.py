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
    await program.reload_lists()
    return _described(result, _list_problems(program))


def last_reload(program: RunningProgram) -> Reload | None:
    """Return what came of the last reload, whoever asked for it; None: there was none."""
    return None if program.last_reload is None else _described(program.last_reload, _list_problems(program))


def _list_problems(program: RunningProgram) -> tuple[str, ...]:
    sources = [source for ip_list, _ in program.parts.ip_lists for source in ip_list.sources]
    return tuple(f"{source.label}: {source.problem}" for source in sources if source.problem)


def _described(result: ReloadOutcome, list_problems: tuple[str, ...]) -> Reload:
    return Reload(
        is_applied=result.is_applied,
        changed=result.changed,
        unchangeable=result.unchangeable,
        problems=result.problems or list_problems,
        warnings=result.warnings,
        at_unix=result.at_unix,
    )
