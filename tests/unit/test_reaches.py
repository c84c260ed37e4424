"""Tests use public ways into the library and the program; each that doesn't is listed here, with the reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
OURS = ("mtglib", "mtg")

DECLARED = {
    "integration/child_that_forks.py": (2, "ends the threads that a fork has left an engine without"),
    "integration/held_memory.py": (6, "no relay tells the most that one direction held"),
    "integration/relayed.py": (7, "no relay tells how often it woke up"),
    "integration/test_front_learning.py": (1, "a disk that answers late"),
    "integration/test_proxy_events.py": (1, "durations of real handshakes are never the same"),
    "integration/test_proxy_fronting.py": (
        2,
        "a shutdown in the middle of a test of a tenth of a second, and how many pieces a visitor's bytes are sent in",
    ),
    "integration/test_proxy_replays.py": (1, "the memory in pure Python, on a machine that has the engine"),
    "integration/test_proxy_visitors.py": (1, "that the site has ended its side is told to the roster only"),
    "parts/test_ip_lists_example.py": (1, "the example makes a proxy by itself"),
    "parts/test_ip_lists_merged.py": (1, "a merge has to last for as long as others change"),
    "parts/test_redis_outages.py": (1, "nothing may be sent behind a test's back"),
    "parts/test_redis_unsent.py": (2, "a real server runs on real time"),
    "tools/test_benchmarks_load.py": (1, "a DC whose process is gone"),
    "tools/test_probes_connection.py": (1, "a reset has to be met by a write before a read"),
    "unit/antireplay/conftest.py": (1, "the memory in pure Python, on a machine that has the engine"),
    "unit/antireplay/test_power_cut.py": (1, "the thread's clock"),
    "unit/antireplay/test_redis_options.py": (1, "a client of any address, which connects to none"),
    "unit/events/test_queue.py": (2, "memory of streams that are over is seen from inside only"),
    "unit/front/test_page.py": (1, "reads that end where records do"),
    "unit/front/test_record_learner.py": (2, "no pauses, and a second, where a disk takes its own time"),
    "unit/front/test_site_store.py": (2, "a disk that doesn't answer, and a second"),
    "unit/front/test_loops.py": (3, "memory of visitors that are over, and a test that takes too long"),
    "unit/ipblocklist/test_threads.py": (2, "who parses and merges isn't told"),
    "unit/mtg/commands/test_access.py": (2, "a terminal"),
    "unit/mtg/commands/test_quickstart.py": (1, "nothing is served"),
    "unit/mtg/commands/test_simple_run.py": (1, "nothing is served"),
    "unit/mtg/users_file/test_file.py": (1, "what is done by hand in the moment between reading and writing"),
    "unit/mtg/users_file/test_writing.py": (1, "a disk that fails in the middle"),
    "unit/mtg/test_cli.py": (2, "a command that fails in ways of which none is known"),
    "unit/mtg/test_last_resort.py": (2, "a log that doesn't take its last lines"),
    "unit/mtg/test_listeners.py": (3, "the limit of this process would stay lowered, and kernels without SO_BUF_LOCK"),
    "unit/mtg/test_quickstart.py": (3, "nothing is served, and no address is looked for"),
    "unit/mtg/test_run.py": (7, "the limit of this process's files, and an App with a bug"),
    "unit/mtg/test_server_address.py": (1, "the machine's own routes"),
    "unit/mtg/test_signals.py": (1, "the moment before there is a program"),
    "unit/network/test_connecting.py": (1, "two connections have to be made in one turn of the event loop"),
    "unit/network/test_http.py": (1, "a stream below the client, which tells when it is readable"),
    "unit/conftest.py": (1, "a quarter of a second between two addresses"),
    "unit/relay/test_native.py": (4, "an engine that does what the test says, and a part that waits for its turn"),
    "unit/relay/test_session.py": (1, "a wire on which acknowledgements take their time"),
    "integration/test_proxy_users.py": (1, "how often users are checked"),
    "unit/users/test_usage_database.py": (1, "what SQLite was told"),
    "unit/users/test_usage_file_disks.py": (3, "a disk that doesn't answer, and five seconds"),
    "unit/mtg/control_client/test_client.py": (1, "how long a command waits for a proxy that hangs"),
    "unit/test_dc_dialler_races.py": (5, "what a race does beyond what is needed costs time only"),
    "unit/test_fine_clock.py": (2, "the loop's own timer, on a machine that has the engine"),
    "unit/test_key_search.py": (2, "which keys are tried by which thread, and a system without threads"),
    "unit/test_keyshare_answers.py": (2, "key shares in pure Python, on a machine that has the engine"),
    "unit/test_proxy.py": (1, "an engine that doesn't end"),
    "unit/test_roster.py": (1, "few visitors, for a model of all that may happen"),
}
"""How many names each file reaches for, and why there is no public way."""


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_replace"  # which each NamedTuple has


def is_ours(module: str) -> bool:
    return module.partition(".")[0] in OURS


def imported_from_us(tree: ast.Module) -> set[str]:
    """The names by which a file knows modules, classes and functions of ours."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and is_ours(node.module or ""):
            names |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.asname or alias.name.partition(".")[0] for alias in node.names if is_ours(alias.name)}
    return names


def is_replaced(call: ast.Call, ours: set[str]) -> bool:
    """Whether a call replaces something in a module of ours, or something private in a class of ours."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr == "setattr" and call.args):
        return False
    target, *rest = call.args
    if isinstance(target, ast.Constant):
        return is_ours(str(target.value))
    is_class = ast.unparse(target).rpartition(".")[2][:1].isupper()
    root = ast.unparse(target).partition(".")[0]
    name = rest[0].value if rest and isinstance(rest[0], ast.Constant) else ""
    return root in ours and (not is_class or is_private(str(name)))


def reaches(tree: ast.Module) -> Iterator[str]:
    """Imports of private names of ours, private attributes of anything but `self`, and what is replaced."""
    ours = imported_from_us(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and is_ours(node.module or ""):
            yield from (alias.name for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            if ast.unparse(node.value) not in ("self", "cls", "os"):  # os._exit is public
                yield ast.unparse(node)
        elif isinstance(node, ast.Call) and is_replaced(node, ours):
            yield ast.unparse(node)


def test_they_are_found() -> None:
    tree = ast.parse(
        "import mtglib\nfrom mtglib import proxy\nfrom mtglib.proxy import Proxy, _END_TIMEOUT\n"
        "self._own\nthing._other\npatch.setattr('mtglib.proxy._END_TIMEOUT', 1)\npatch.setattr(proxy, 'Conn', 1)\n"
        "patch.setattr(Proxy, '_take', 1)\npatch.setattr(Proxy, 'serve', 1)\npatch.setattr(os, 'fsync', 1)"
    )

    assert set(reaches(tree)) == {
        *("_END_TIMEOUT", "thing._other", "patch.setattr('mtglib.proxy._END_TIMEOUT', 1)"),
        *("patch.setattr(proxy, 'Conn', 1)", "patch.setattr(Proxy, '_take', 1)"),
    }


def test_no_test_reaches_further_than_declared() -> None:
    found = {
        str(path.relative_to(TESTS)): set(reaches(ast.parse(path.read_text()))) for path in sorted(TESTS.rglob("*.py"))
    }
    counted = {path: len(names) for path, names in found.items() if names}

    assert counted == {path: count for path, (count, _why) in DECLARED.items()}
