"""The tests of a module are where one looks for them: in the same place under tests/unit, under its name."""

from __future__ import annotations

from pathlib import Path

import pytest

UNIT = Path(__file__).parent
LIBRARY = UNIT.parents[1] / "src" / "mtglib"

DECLARED = {
    "constants": "values; the options' defaults are held by test_options",
    "interfaces": "protocols; what checks parts against them is test_part_check, what they promise is test_contract",
    "network/errors": "errors; test_socks5 and test_errors",
    "network/resolve": "protocols; dns/test_resolver and test_system_resolver",
    "option_types": "types; test_typing plants mistakes for them",
    "shared": "a record of what streams share",
    "stats/metrics": "the table of metrics; test_counts goes through all of it",
}
"""Nothing in them decides anything."""

ELSEWHERE = {
    "antireplay/persistent_cache": "test_exact",
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
    "stats/samples": "test_prometheus",
}
"""Modules that are one subject with another, and the test beside theirs that has both."""

EXCEPTIONS = {**DECLARED, **ELSEWHERE}


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


def test_every_module_has_a_test_of_its_name_or_a_reason() -> None:
    assert untested(LIBRARY, UNIT) - EXCEPTIONS.keys() == set()


def test_no_exception_is_left_that_is_none_any_more() -> None:
    assert EXCEPTIONS.keys() - untested(LIBRARY, UNIT) == set(), "it has a test of its name, or is gone"
    assert len(EXCEPTIONS) == len(DECLARED) + len(ELSEWHERE)


@pytest.mark.parametrize(("module", "test"), ELSEWHERE.items())
def test_what_is_tested_elsewhere_is_tested_there(module: str, test: str) -> None:
    assert ((UNIT / module).parent / f"{test}.py").is_file()


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
