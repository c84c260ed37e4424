"""The tests of a module are where one looks for them: in the same place under tests/unit, under its name.

`src/mtglib` has its tests in `tests/unit`, `src/mtg` in `tests/unit/mtg`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

UNIT = Path(__file__).parent
SOURCES = UNIT.parents[1] / "src"

DECLARED = {
    "constants": "values; the options' defaults are held by test_options",
    "interfaces": "protocols; what checks parts against them is test_part_check, what they promise is test_contract",
    "network/errors": "errors; test_socks5 and test_errors",
    "network/resolve": "protocols; dns/test_resolver and test_system_resolver",
    "option_types": "types; test_typing plants mistakes for them",
    "shared": "a record of what streams share",
    "stats/http_types": "types",
    "stats/metrics": "the table of metrics; test_counts goes through all of it",
}
"""Nothing in them decides anything."""

ELSEWHERE = {
    "antireplay/redis_url": "test_redis_options",
    "antireplay/window": "test_exact",
    "defaults": "test_options",
    "ipblocklist/disk_cache": "test_url_source",
    "ipblocklist/list_error": "test_secrets",
    "ipblocklist/merged": "test_threads",
    "ipblocklist/pure_prefixes": "test_prefixes",
    "ipblocklist/refresh": "test_pauses",
    "network/dns/cache": "test_resolver",
    "network/dns/https": "test_by_url",
    "network/dns/stream": "test_by_url",
    "network/dns/udp": "test_by_url",
    "relay/recrypt": "test_session",
    "stats/http_connections": "../../parts/test_prometheus",
    "stats/http_page": "../../parts/test_prometheus",
    "stats/samples": "test_prometheus",
    "users/account": "test_limiter",
    "users/usage_errors": "test_usage_file",
}
"""Modules that are one subject with another, and the test that has both: its path from the module's folder of tests."""

PROGRAM_DECLARED = {
    "control/program": "protocols; app.App has what they ask for, which the type checker sees",
    "control/schemas": "types; control/test_openapi has what is made of them",
    "option_keys": "a table; test_refusals and test_loaded_is_built use all of it",
    "config/schema": "keys and their types; test_decode has what decodes them, test_wiring what uses them",
}

PROGRAM_ELSEWHERE = {
    "__main__": "../../integration/test_program_run",
    "client_tcp": "../../integration/test_client_tcp",
    "commands/generate_secret": "../test_cli",
    "commands/run": "../../../integration/test_program_run",
    "config/misplaced": "test_users",
    "config/secret_files": "test_load",
    "config/toml": "test_load",
    "control/handlers/events": "../test_api",
    "control/handlers/reload": "../test_api",
    "control/handlers/status": "../test_api",
    "control/users": "handlers/test_users",
    "control/reloading": "test_api",
    "control/routes": "test_openapi",
    "config/toml_file": "test_load",
    "config/token_file": "test_load",
    "commands/asking": "../../../integration/test_program_asked",
    "commands/connections": "../../../integration/test_program_asked",
    "commands/reload": "../../../integration/test_program_asked",
    "commands/status": "../../../integration/test_program_asked",
    "commands/top": "../../../integration/test_program_top",
    "commands/users": "../../../integration/test_program_asked",
    "control_client/errors": "test_client",
    "reports/cells": "../../../integration/test_program_asked",
    "reports/connections": "../../../integration/test_program_asked",
    "reports/reload": "../../../integration/test_program_asked",
    "reports/status": "../../../integration/test_program_asked",
    "reports/users": "../../../integration/test_program_asked",
    "top/endings": "../../../integration/test_program_top",
    "top/header": "../../../integration/test_program_top",
    "top/run": "../../../integration/test_program_top",
    "top/snapshot": "../../../integration/test_program_top",
    "top/terminal": "../../../integration/test_program_top",
    "top/watch": "../../../integration/test_program_top",
    "directories": "test_build",
    "handover": "../../integration/test_program_reload_parts",
    "new_secret": "test_cli",
    "users_file/errors": "test_file",
    "serving": "../../integration/test_program_reload_parts",
}


class Tree(NamedTuple):
    """Sources, their tests, and modules without a test of their name: not tested, or tested elsewhere."""

    sources: Path
    tests: Path
    declared: Mapping[str, str]
    elsewhere: Mapping[str, str]

    @property
    def exceptions(self) -> set[str]:
        return self.declared.keys() | self.elsewhere.keys()


TREES = (
    Tree(SOURCES / "mtglib", UNIT, DECLARED, ELSEWHERE),
    Tree(SOURCES / "mtg", UNIT / "mtg", PROGRAM_DECLARED, PROGRAM_ELSEWHERE),
)
each_tree = pytest.mark.parametrize("tree", TREES, ids=("mtglib", "mtg"))


def modules(library: Path) -> set[str]:
    """Every module, as its path without suffix; packages' own files only put names together."""
    paths = {path.relative_to(library).with_suffix("") for path in library.rglob("*.py")}
    return {path.as_posix() for path in paths if path.name != "__init__"}


def files_named_after(module: str, unit: Path) -> list[Path]:
    """The files that are its tests by their name."""
    folder, name = (unit / module).parent, Path(module).name
    return [path for pattern in (f"test_{name}.py", f"test_{name}_*.py") for path in folder.glob(pattern)]


def untested(library: Path, unit: Path) -> set[str]:
    """Modules without a test of their name."""
    return {module for module in modules(library) if not files_named_after(module, unit)}


@each_tree
def test_every_module_has_a_test_of_its_name_or_a_reason(tree: Tree) -> None:
    assert untested(tree.sources, tree.tests) - tree.exceptions == set()


@each_tree
def test_no_exception_is_left_that_is_none_any_more(tree: Tree) -> None:
    assert tree.exceptions - untested(tree.sources, tree.tests) == set(), "it has a test of its name, or is gone"
    assert len(tree.exceptions) == len(tree.declared) + len(tree.elsewhere)


@each_tree
def test_what_is_tested_elsewhere_is_tested_there(tree: Tree) -> None:
    files = [(tree.tests / module).parent / f"{test}.py" for module, test in tree.elsewhere.items()]
    assert [file for file in files if not file.is_file()] == []


def test_a_module_without_a_test_would_be_found(tmp_path: Path) -> None:
    library, unit = tmp_path / "library", tmp_path / "unit"
    for path in (
        *("library/__init__.py", "library/alone.py", "library/part/far.py", "library/part/long_name.py"),
        *("library/part/__init__.py", "library/near.py", "unit/test_far.py", "unit/test_near_edges.py"),
        *("unit/test_nearly.py", "unit/part/test_long.py", "unit/near.py"),
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()

    assert untested(library, unit) == {"alone", "part/far", "part/long_name"}
