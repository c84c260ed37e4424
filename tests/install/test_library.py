"""The library without the program: it serves where nothing of the program's is installed, and installs alone."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import mtglib
from integration import child_without_the_program
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient

ROOT = Path(__file__).parents[2]
SCRIPT = Path(child_without_the_program.__file__)
BUILT = (".*", "*.so", "*.egg-info", "__pycache__", "build", "dist", "results", "target")


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


def run(*command: str | Path, environment: dict[str, str]) -> str:
    """Run to the end, and return the output; the test fails with it if the command does."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


async def serves_a_client(*python: str | Path) -> list[dict[str, Any]]:
    """Run a proxy in an interpreter, be its client, and return its log."""
    secret = mtglib.Secret.generate("front.example")
    pipe = asyncio.subprocess.PIPE
    async with FakeDC() as dc:
        child = await asyncio.create_subprocess_exec(
            *python, SCRIPT, secret.key.hex(), str(dc.port), stdin=pipe, stdout=pipe, stderr=pipe
        )
        assert child.stdout is not None
        port = await child.stdout.readline()
        if port:
            async with await FakeTLSClient.connect("127.0.0.1", int(port), secret) as client:
                await client.send(b"it serves")
                assert await client.recv_exactly(9) == b"it serves"
        _, errors = await child.communicate(b"")
    assert (child.returncode, port != b"") == (0, True), errors.decode()
    return [json.loads(line) for line in errors.decode().splitlines()]


async def test_it_serves_where_nothing_is_installed_that_only_the_program_needs() -> None:
    log = await serves_a_client(sys.executable)

    assert (log[0]["message"], log[0]["odd"], log[0]["number"]) == ("a line", "\ud800", 2**80)
    assert {"client_ip", "upstream", "reason"} <= log[-1].keys()


def test_both_distributions_are_made_alike() -> None:
    whole, alone = project(ROOT), project(ROOT / "library")
    names = {requirement.partition(">")[0] for requirement in whole["project"]["dependencies"]}

    for same in ("version", "requires-python", "license", "classifiers"):
        assert whole["project"][same] == alone["project"][same]
    assert whole["build-system"] == alone["build-system"]
    (engine,), (engine_alone,) = (each["tool"]["setuptools-rust"]["ext-modules"] for each in (whole, alone))
    assert engine | {"path": "../rust/Cargo.toml"} == engine_alone
    assert whole["tool"]["setuptools"]["package-data"] == alone["tool"]["setuptools"]["package-data"]
    extras = {**alone["project"]["optional-dependencies"]}
    assert extras.pop("redis") == whole["project"]["optional-dependencies"]["redis"]
    assert {*alone["project"]["dependencies"], *extras["log"], *extras["metrics"]} <= set(
        whole["project"]["dependencies"]
    )
    only_the_program = names - {requirement.partition(">")[0] for requirement in alone["project"]["dependencies"]}
    assert {name.replace("-", "_") for name in only_the_program} == {*child_without_the_program.ONLY_THE_PROGRAM_NEEDS}


@pytest.mark.timeout(600)
async def test_it_installs_alone_and_serves(tmp_path: Path) -> None:
    source, venv = tmp_path / "source", tmp_path / "venv"
    for folder in ("library", "rust", "src"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns(*BUILT))
    python = venv / "bin" / "python"
    pure = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "CARGO", "RUSTC")}
    pure["PATH"] = str(tmp_path / "nothing")  # no cargo: test_install builds the engine
    run(sys.executable, "-m", "venv", venv, environment=pure)
    run(python, "-m", "pip", "install", source / "library", environment=pure)

    listed = json.loads(run(python, "-m", "pip", "list", "--format", "json", environment=pure))
    installed = {each["name"].lower().replace("-", "_") for each in listed}
    assert "mtglib" in installed
    assert not installed & {"mtg_proxy", *child_without_the_program.ONLY_THE_PROGRAM_NEEDS}
    assert not list(venv.glob("lib/python*/site-packages/mtg")), "the program"
    assert len(await serves_a_client(python, "-P")) > 1
