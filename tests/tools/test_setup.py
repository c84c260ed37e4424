"""What the Makefile's set-up finds out and says, with machines that lack something."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import install, rust, toolchain

ROOT = Path(__file__).parents[2]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH: put programs there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def put(folder: Path, name: str, script: str) -> None:
    """Make a program."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_a_bare_machine_lacks_cargo_and_a_compiler(machine: Path) -> None:
    problem = toolchain.engine_problem()
    assert problem is not None
    assert "cargo is missing: get Rust 1.89 or newer from https://rustup.rs" in problem
    assert "no working C compiler: get gcc" in problem


def test_debians_old_cargo_is_too_old(machine: Path) -> None:
    put(machine, "cargo", "echo cargo 1.63.0")
    put(machine, "cc", "exit 0")
    assert toolchain.engine_problem() == "cargo is 1.63.0: get Rust 1.89 or newer from https://rustup.rs"


@pytest.mark.parametrize("version", ["1.89.0", "1.95.0-nightly (f2d3ce0bd 2026-03-21)", "2.0.1"])
def test_new_cargo_and_a_compiler_are_complete(machine: Path, version: str) -> None:
    put(machine, "cargo", f"echo 'cargo {version}'")
    put(machine, "cc", "exit 0")
    assert toolchain.engine_problem() is None


def test_a_compiler_that_cannot_link_is_none(machine: Path) -> None:
    put(machine, "cargo", "echo cargo 1.90.0")
    put(machine, "cc", "exit 1")
    assert "no working C compiler" in str(toolchain.engine_problem())


def test_the_answer_is_written_only_when_it_changes(machine: Path, tmp_path: Path) -> None:
    def written() -> int:
        subprocess.run([sys.executable, "-m", "tools.toolchain", tmp_path / "answer"], cwd=ROOT, check=True)
        return (tmp_path / "answer").stat().st_mtime_ns

    first = written()
    assert written() == first
    put(machine, "cargo", "echo cargo 1.90.0")
    assert written() != first
    assert (tmp_path / "answer").read_text().startswith("no working C compiler")


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_rust_checks_without_cargo_are_listed(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], ci: str, code: int
) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(sys, "argv", ["rust", "check"])
    assert rust.main() == code
    assert capfd.readouterr().out.startswith("cargo check: skipped, as cargo is missing")


def install_engine(monkeypatch: pytest.MonkeyPatch, folder: Path, problem: str | None, version: str) -> int:
    """Install with a pip that does nothing but fail to build an engine."""
    log = folder / "log"
    log.write_text("fine\nerror: linking failed\nwarning: no engine\n")
    monkeypatch.setattr(sys, "argv", ["install", "run", "--log", str(log)])
    monkeypatch.setattr(install, "engine_problem", lambda: problem)
    monkeypatch.setattr(install, "pip_install", lambda _arguments, _log: 0)
    monkeypatch.setattr(install, "version", lambda: version)
    return install.main()


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_an_engine_that_fails_to_build_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], ci: str, code: int
) -> None:
    monkeypatch.setenv("CI", ci)
    assert install_engine(monkeypatch, tmp_path, None, "mtg (engine pure (the Rust extension wasn't built))") == code
    said = capfd.readouterr()
    assert "the native engine was not built" in said.out
    assert said.err == "error: linking failed\nwarning: no engine\n"


def test_without_a_compiler_the_pure_relay_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", "true")
    assert install_engine(monkeypatch, tmp_path, "cargo is missing", "mtg (engine pure)") == 0
    assert "engine: pure Python (cargo is missing). " in capfd.readouterr().out


def test_missing_packages_are_named_to_who_may_not_install(machine: Path) -> None:
    put(machine, "id", "echo 1000")
    put(machine, "here", "")
    done = subprocess.check_output(
        ["/bin/sh", ROOT / "tools" / "packages.sh", "here:one", "there:two", "nowhere:three"], text=True
    )
    assert done.startswith("not installed: two three;")


def test_nothing_is_said_where_nothing_is_missing(machine: Path) -> None:
    """A program, or a file."""
    put(machine, "here", "")
    there = ["here:one", f"{ROOT}/Makefile:two"]
    assert subprocess.check_output(["/bin/sh", ROOT / "tools" / "packages.sh", *there]) == b""


PYTHON = """
case "$2" in
    tools.toolchain) exec {python} "$@" ;;
    *) echo "$2" "$3" ;;
esac
"""


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_installs_what_has_changed_and_nothing_else(tmp_path: Path) -> None:
    bin_folder = tmp_path / "venv" / "bin"
    bin_folder.mkdir(parents=True)
    put(bin_folder, "python", PYTHON.format(python=sys.executable))
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    stamps = tmp_path / "stamps"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}

    def installed(*arguments: str) -> list[str]:
        make = ["make", "--no-print-directory", f"VENV={tmp_path / 'venv'}", f"STAMPS={stamps}", *arguments]
        output = subprocess.check_output([*make, f"{stamps}/dev"], cwd=ROOT, env=environment, text=True)
        return [line for line in output.splitlines() if line.startswith("tools.install")]

    assert installed() == ["tools.install run", "tools.install dev"]
    assert installed() == []
    assert installed("--what-if=rust/src/lib.rs") == ["tools.install run"]
    assert installed("--what-if=pyproject.toml") == ["tools.install run", "tools.install dev"]
    assert installed("--what-if=src/mtglib/proxy.py") == []
    (stamps / "toolchain").write_text("cargo was missing then")
    assert installed() == ["tools.install run"]
