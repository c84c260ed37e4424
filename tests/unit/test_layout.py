"""The rules of the house that a reader can't see in one file: who imports whom, and how long files get."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import mtglib

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
MOST_LINES = 400
DEFAULTS = ("antireplay", "events", "ipblocklist", "logger", "network", "stats")
FOR_DEFAULTS = ("interfaces", "event_types", "errors", "constants", "part_check", "reasons")
UNDER_THE_GROUND = ("interfaces", "event_types", "errors", "noop", "part_check")
"""Beside its own modules, a part stands on the ground and on `FOR_DEFAULTS`; the ground on these."""
WITH_A_STAND_IN = ("mtglib.ipblocklist.prefixes", "mtglib.antireplay.memory")
"""Parts' modules that use the engine, or what is beside them in pure Python."""
OF_THE_ENGINE = tuple(
    f"mtglib.wire.{name}" for name in ("aes_ctr", "client_hello", "hello_key", "server_hello", "sha256")
)
"""Modules of `wire` that use the engine."""

IMPURE = {"asyncio", "os", "random", "secrets", "select", "socket", "time", "datetime", "threading", "subprocess"}


def module_name(path: Path) -> str:
    name = ".".join(path.relative_to(SRC).with_suffix("").parts)
    return name.removesuffix(".__init__")


MODULES = {module_name(path): path for package in ("mtglib", "mtg") for path in (SRC / package).rglob("*.py")}


def imports(module: str) -> Iterator[str]:
    """Yield the full name of everything that a module imports, anywhere in it; `from a import b` gives a.b."""
    path = MODULES[module]
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def imported_modules(module: str) -> set[str]:
    """The modules of this project among them: a.b if that is a module, else a."""
    names = {name if name in MODULES else name.rpartition(".")[0] for name in imports(module)}
    return {name for name in names if name.partition(".")[0] in ("mtglib", "mtg")}


def modules_in(package: str) -> list[str]:
    return sorted(name for name in MODULES if name == package or name.startswith(f"{package}."))


def test_this_finds_imports_of_all_kinds() -> None:
    assert {"mtglib.wire.tls_records", "mtglib.errors", "mtglib.reasons", "mtglib.wire"} >= imported_modules(
        "mtglib.wire.record_stream"
    )
    assert "mtglib.wire.tls_records" in imported_modules("mtglib.wire.record_stream")
    assert "mtglib.network.http" in imported_modules("mtglib.network.direct"), "inside of a function"
    assert "mtglib.relay.native" in imported_modules("mtglib.relay.choice"), "from . import"
    assert "asyncio" in set(imports("mtglib.proxy"))
    assert len(modules_in("mtglib")) > 30


@pytest.mark.parametrize("module", modules_in("mtglib.wire"))
def test_wire_knows_no_io_no_clock_and_no_chance(module: str) -> None:
    allowed = {"mtglib.errors", "mtglib.event_types", "mtglib.reasons", "mtglib.ground.endpoints"}

    ours = {name for name in imported_modules(module) if not name.startswith("mtglib.wire")}
    native = {"mtglib._engine"} if module in OF_THE_ENGINE else set()  # functions of bytes
    assert ours <= allowed | native
    assert not {name.partition(".")[0] for name in imports(module)} & IMPURE


def test_few_modules_use_the_engine() -> None:
    users = {module for module in MODULES if any(name.startswith("mtglib._engine") for name in imports(module))}

    assert users == {*OF_THE_ENGINE, "mtglib.fine_clock", "mtglib.keyshare", "mtglib.relay.native", *WITH_A_STAND_IN}


@pytest.mark.parametrize("module", modules_in("mtglib"))
def test_the_library_does_not_know_the_program(module: str) -> None:
    assert not {name for name in imports(module) if name.partition(".")[0] == "mtg"}


@pytest.mark.parametrize("module", [module for default in DEFAULTS for module in modules_in(f"mtglib.{default}")])
def test_defaults_know_the_interfaces_and_no_other_default(module: str) -> None:
    own = ".".join(module.split(".")[:2])
    allowed = {f"mtglib.{name}" for name in FOR_DEFAULTS}
    ground = set(modules_in("mtglib.ground")[1:])

    native = {"mtglib._engine"} if module in WITH_A_STAND_IN else set()
    assert {name for name in imported_modules(module) if not name.startswith(own)} <= allowed | native | ground
    whole = {name for name in imports(module) if name in MODULES and not name.startswith(own)}
    assert whole == set(), "from .. import a_module"
    names = {name.rpartition(".")[2] for name in imports(module) if name.rpartition(".")[0] in allowed}
    assert names <= set(mtglib.__all__), "what a default can do, a user's part can do with public names"


CORE = [module for module in MODULES if module.split(".")[0] == "mtglib" and module.split(".")[1:2] != []]
KNOW_PARTS = {
    "mtglib.defaults": set(DEFAULTS),
}


@pytest.mark.parametrize("module", [module for module in CORE if module.split(".")[1] not in DEFAULTS])
def test_the_core_knows_no_default(module: str) -> None:
    known = {name.split(".")[1] for name in imported_modules(module) if name.count(".")} & set(DEFAULTS)

    assert known <= KNOW_PARTS.get(module, set())


@pytest.mark.parametrize("module", modules_in("mtglib.ground"))
def test_the_ground_stands_on_the_interfaces_only(module: str) -> None:
    others = {name for name in imported_modules(module) if not name.startswith("mtglib.ground.")}

    assert others <= {f"mtglib.{name}" for name in UNDER_THE_GROUND}
    assert not {name for name in imports(module) if name.partition(".")[0] == "mtglib" and name in MODULES} - others


STANDS_ON = {
    "mtglib.relay": {"errors", "reasons", "readiness", "tls_alert", "wire", "ground", "_engine"},
    "mtglib.accepting": {"ground"},
    "mtglib.admission": {"errors", "reasons", "interfaces", "key_search", "secret", "users", "wire", "ground"},
}
"""Parts of the core that can be read, and tested, without the rest of it."""
ABOVE = {
    "mtglib.shared": {"front", "generation", "stream", "proxy"},
    "mtglib.front": {"generation", "stream", "proxy"},
    "mtglib.generation": {"stream", "proxy"},
    "mtglib.stream": {"proxy"},
}
"""And those that know the rest, but not who begins them."""


def known_by(package: str) -> set[str]:
    """The modules and packages of the library, beside itself, that it imports."""
    names = {name for module in modules_in(package) for name in imported_modules(module)} - {"mtglib"}
    return {name.split(".")[1] for name in names if not f"{name}.".startswith(f"{package}.")}


@pytest.mark.parametrize("package", STANDS_ON)
def test_a_layer_of_the_core_knows_what_is_below_it(package: str) -> None:
    assert known_by(package) <= STANDS_ON[package]


@pytest.mark.parametrize("package", ABOVE)
def test_a_layer_of_the_core_does_not_know_what_is_above_it(package: str) -> None:
    assert known_by(package)
    assert not known_by(package) & ABOVE[package]


def test_this_list_of_defaults_is_complete() -> None:
    packages = {path.parent.name for path in (SRC / "mtglib").glob("*/__init__.py")}

    assert packages - {"wire", "relay", "front", "ground", "users"} == set(DEFAULTS)


@pytest.mark.parametrize("default", DEFAULTS)
def test_each_default_is_used_by_an_example(default: str) -> None:
    texts = [path.read_text() for path in ROOT.glob("examples/*.py")]

    assert any(re.search(rf"^from mtglib\.{default} import ", text, re.MULTILINE) for text in texts)


@pytest.mark.parametrize("package", ["mtglib", "mtg"])
def test_no_module_imports_itself_through_others(package: str) -> None:
    edges = {module: imported_modules(module) - {module, package} for module in modules_in(package)}

    graphlib.TopologicalSorter(edges).prepare()  # raises CycleError with the modules


CRATE = {path.stem: path for path in (ROOT / "rust" / "src").glob("*.rs")}


def crate_imports(module: str) -> set[str]:
    """The modules of the crate that one of them names, outside of its tests; for what `lib` gives out its home."""
    text = CRATE[module].read_text().partition("#[cfg(test)]\nmod tests")[0]
    homes = {
        name: home
        for home, names in re.findall(r"^pub use (\w+)::\{?([\w, ]+)\}?;", CRATE["lib"].read_text(), re.MULTILINE)
        for name in names.split(", ")
    }
    used = set(re.findall(r"\bcrate::(\w+)", text))
    for names in re.findall(r"\bcrate::\{([^}]*)\}", text):
        used |= set(re.findall(r"(?:^|,)\s*(\w+)", names))
    return {homes.get(name, name) for name in used}


def test_modules_of_the_crate_are_found() -> None:
    assert {"record", "recrypt", "io"} <= crate_imports("codec")
    assert {"engine", "cipher", "job", "prefixes"} <= crate_imports("python"), "use crate::{...}, given out by lib"
    assert all(crate_imports(module) <= CRATE.keys() for module in CRATE)


def test_no_module_of_the_crate_imports_itself_through_others() -> None:
    edges = {module: crate_imports(module) - {module} for module in CRATE if module != "lib"}

    graphlib.TopologicalSorter(edges).prepare()


def test_one_module_of_the_crate_knows_python() -> None:
    assert {module for module, path in CRATE.items() if "pyo3" in path.read_text()} == {"python"}


def public_names(module: str) -> set[str]:
    """What a module of mtglib offers: `__all__`, else all that it defines without an underscore."""
    if module == "mtglib":
        return set(mtglib.__all__)
    tree = ast.parse(MODULES[module].read_text())
    offered = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets):
            offered = set(ast.literal_eval(node.value))
    return {name for name in offered if not name.startswith("_")}


PUBLIC_MODULES = ("mtglib", "mtglib.noop", *(f"mtglib.{default}" for default in DEFAULTS))


def library_names(module: str) -> set[str]:
    """Names of mtglib that a module of the program imports or reads."""
    used = {name for name in imports(module) if name.partition(".")[0] == "mtglib" and name != "mtglib"}
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "mtglib":
            used.add(f"mtglib.{node.attr}")
    return used


def private_uses(module: str) -> set[str]:
    """Those of them that aren't public."""
    public = {f"{origin}.{name}" for origin in PUBLIC_MODULES for name in public_names(origin)}
    return library_names(module) - public - set(PUBLIC_MODULES)


@pytest.mark.parametrize("module", modules_in("mtg"))
def test_the_program_uses_public_names_only(module: str) -> None:
    assert private_uses(module) == set()


@pytest.mark.parametrize("module", modules_in("mtg.config"))
def test_the_configuration_knows_no_part(module: str) -> None:
    plain = {"Secret", "MtglibError", "canonical_ip", "host_and_port", "parse_duration"}

    assert library_names(module) <= {f"mtglib.{name}" for name in plain}


def test_one_module_of_the_program_knows_all_parts() -> None:
    known = {
        module: {name.removeprefix("mtglib.") for name in library_names(module) if name.split(".")[1] in DEFAULTS}
        for module in modules_in("mtg")
    }

    assert {name.partition(".")[0] for name in known.pop("mtg.build")} == set(DEFAULTS) - {"logger"}
    assert {module: names for module, names in known.items() if names} == {
        "mtg.services": {"antireplay.Redis", "ipblocklist.FireHOL", "stats.Prometheus"},
        "mtg.logs": {"logger.Level", "logger.StructLogger", "logger.make_logger"},
        "mtg.samples": {"stats.Sample", "stats.process_samples"},
        "mtg.last_resort": {"logger.flush"},
        "mtg.control.service": {"stats.HTTPHandler", "stats.serve_http"},
        "mtg.control.feed": {"logger.mask_address"},
        "mtg.control.handlers.connections": {"logger.mask_address"},
        "mtg.control.handlers.status": {"stats.process_samples"},
    }


def test_every_public_name_is_there_and_none_is_a_module() -> None:
    for name in mtglib.__all__:
        assert hasattr(mtglib, name)
        assert name == "__version__" or not name.startswith("_")
    assert sorted(set(mtglib.__all__)) == sorted(mtglib.__all__)


def own_files(*patterns: str) -> list[Path]:
    found = {path for pattern in patterns for path in ROOT.glob(pattern)}
    skipped = {"target", "__pycache__", "results", ".venv"}
    return sorted(path for path in found if path.is_file() and not skipped & set(path.relative_to(ROOT).parts))


SOURCES = own_files(
    "src/**/*.py", "src/**/*.pyi", "rust/**/*.rs", *(f"{top}/**/*.py" for top in ("tests", "benchmarks"))
)


def test_no_file_is_too_long_to_be_about_one_thing() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}

    assert len(lengths) > 100
    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_most_files_of_the_library_fit_on_a_few_screens() -> None:
    lengths = [len(path.read_text().splitlines()) for path in SOURCES if "src" in path.parts]

    assert sum(length < 150 for length in lengths) > len(lengths) * 0.7


def test_nothing_speaks_of_the_machine_it_was_written_on() -> None:
    somebodys = re.compile(r"(?<![\w.])/(?:root|home|Users|work)/\w|\bpy" r"env\b")
    texts = own_files("*.md", "*.toml", "Makefile", ".ci/*", "docs/**/*.md", "examples/**/*", "deploy/**/*")

    told = {
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in (*SOURCES, *texts)
        if (match := somebodys.search(path.read_text(errors="replace")))
    }
    assert told == set()


def type_names(tree: ast.Module) -> Iterator[str]:
    """Classes, other names of types, and the type variables that stand for one class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
            yield ast.unparse(node.target)
        elif isinstance(node, ast.Assign) and ast.unparse(node.value).startswith("TypeVar('Any"):
            yield ast.unparse(node.targets[0])


def test_no_two_classes_have_one_name() -> None:
    """With or without an underscore."""
    places: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        for name in type_names(ast.parse(path.read_text())):
            places.setdefault(name.strip("_"), []).append(f"{module}.{name}")

    assert len(places) > 200
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
