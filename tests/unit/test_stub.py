"""The stub of the native engine says what the built extension is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import mtglib

pytestmark = pytest.mark.skipif(
    mtglib.engine_description() != "native", reason=f"no native relay: {mtglib.engine_description()}"
)
_NOT_IN_STUBS = "mtglib._engine.__all__\n"  # PyO3 makes one for each module


def check(allowlist: Path, search_path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run stubtest; names, parameters, their kinds and defaults are compared."""
    allowlist.write_text(_NOT_IN_STUBS)
    command = [sys.executable, "-m", "mypy.stubtest", "mtglib._engine", "--allowlist", str(allowlist)]
    environment = {"MYPYPATH": str(search_path)} if search_path else None
    return subprocess.run(
        [*command, "--ignore-unused-allowlist"], check=False, capture_output=True, text=True, env=environment
    )


def test_the_stub_agrees_with_the_extension(tmp_path: Path) -> None:
    done = check(tmp_path / "allowed")

    assert done.returncode == 0, done.stdout


def test_a_stub_that_drifted_would_be_noticed(tmp_path: Path) -> None:
    package = tmp_path / "mtglib"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "py.typed").touch()
    stub = Path(mtglib.__file__).with_name("_engine.pyi").read_text()
    stub = stub.replace("def abort(self, job: int)", "def abort(self, number: int)")
    (package / "_engine.pyi").write_text(stub.replace("def connections(self)", "def streams(self)"))

    done = check(tmp_path / "allowed", tmp_path)

    assert done.returncode != 0
    complaints = [name for name in ("abort", "connections", "streams") if f"_engine.Engine.{name} is" in done.stdout]
    assert complaints == ["abort", "connections", "streams"]
