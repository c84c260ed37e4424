"""The source distribution installs into an empty environment and serves: with cargo natively, without cargo as well."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from tools.toolchain import engine_problem

import mtglib
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient

ROOT = Path(__file__).parents[2]
BUILT = (".*", "*.so", "*.egg-info", "__pycache__", "build", "dist", "results", "target")

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, made from a copy: building leaves traces where it runs."""
    folder = tmp_path_factory.mktemp("sdist")
    shutil.copytree(ROOT, folder / "source", ignore=shutil.ignore_patterns(*BUILT))
    run(sys.executable, "-m", "build", "--sdist", "--outdir", folder, folder / "source")
    return next(folder.glob("mtg_proxy-*.tar.gz"))


@dataclass(frozen=True)
class Installed:
    """A virtual environment in a folder, and the variables that its programs get."""

    folder: Path
    variables: dict[str, str]

    def program(self, name: str) -> Path:
        """Where a program of it is."""
        return self.folder / "venv" / "bin" / name


@pytest.fixture(scope="module")
def installing(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Installed]]]:
    """Both ways of installing, side by side; the native one only where the engine can be built."""
    engines = ["pure"] if engine_problem() else ["native", "pure"]
    with ThreadPoolExecutor() as threads:
        yield {engine: threads.submit(install, sdist, engine, tmp_path_factory.mktemp(engine)) for engine in engines}


def install(sdist: Path, engine: str, folder: Path) -> Installed:
    installed = Installed(folder, clean_environment(engine, folder / "nothing"))
    run(sys.executable, "-m", "venv", folder / "venv")
    run(installed.program("python"), "-m", "pip", "install", sdist, environment=installed.variables)
    return installed


def run(*command: object, environment: dict[str, str] | None = None) -> str:
    """Run a program to its end and return what it printed."""
    done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def clean_environment(engine: str, folder: Path) -> dict[str, str]:
    """This process's environment without what leads to the source tree and, for the pure way, to any program."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "CARGO", "RUSTC")}
    if engine == "pure":
        return environment | {"PATH": str(folder)}
    # What was compiled before is used again, but not touched: a minute that this test needn't take.
    target, compiled = folder / "target", ROOT / "rust" / "target" / "release"
    if compiled.exists():
        shutil.copytree(compiled, target / "release", symlinks=True)
    return environment | {"CARGO_TARGET_DIR": str(target)}


def test_sdist_has_what_building_and_testing_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    rust = {str(path.relative_to(ROOT)) for path in (ROOT / "rust" / "src").rglob("*.rs")}
    assert names >= rust | {"rust/Cargo.toml", "rust/Cargo.lock", "LICENSE", "README.md", "Makefile"}
    assert names >= {"src/mtglib/py.typed", "src/mtglib/_engine.pyi", "tests/conftest.py", "tools/packages.sh"}
    assert not {name for name in names if name.endswith(".so") or name.startswith("rust/target")}


@pytest.mark.parametrize("engine", ["native", "pure"])
async def test_installs_into_an_empty_environment_and_serves(
    installing: dict[str, Future[Installed]], engine: str, tmp_path: Path
) -> None:
    if engine == "native" and (problem := engine_problem()):
        pytest.skip(problem)
    installed = installing[engine].result()
    python, mtg, environment = installed.program("python"), installed.program("mtg"), installed.variables

    expected = "native" if engine == "native" else "pure (the Rust extension wasn't built)"
    assert run(mtg, "--version", environment=environment).rstrip().endswith(f"engine {expected})")
    where = run(python, "-P", "-c", "import mtglib; print(mtglib.__file__)", environment=environment)
    assert Path(where.strip()).is_relative_to(installed.folder)

    secret = mtglib.Secret.parse(run(mtg, "generate-secret", "front.example", environment=environment).strip())
    async with FakeDC() as dc:
        config = tmp_path / "mtg.toml"
        config.touch(mode=0o600)
        text = f'secret = "{secret.hex()}"\nbind-to = "127.0.0.1:0"\n[dc-overrides]\n2 = ["{dc.address}"]\n'
        config.write_text(f"{text}[defense.front-learning]\nenabled = false\n")
        with subprocess.Popen([mtg, "run", config], env=environment, stderr=subprocess.PIPE, text=True) as process:
            try:
                await _visit(process, secret, expected)
            finally:
                process.send_signal(signal.SIGTERM)
                process.communicate()  # its last words need a reader
    assert process.returncode == 0


async def _visit(process: subprocess.Popen[str], secret: mtglib.Secret, engine: str) -> None:
    """Wait until the program serves, and be its client."""
    assert process.stderr is not None
    started = json.loads(process.stderr.readline())
    assert started["engine"] == engine
    port = int(started["bind_to"][0].rpartition(":")[2])
    async with await FakeTLSClient.connect("127.0.0.1", port, secret) as client:
        await client.send(b"it serves")
        assert await client.recv_exactly(9) == b"it serves"
