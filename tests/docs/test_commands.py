"""The commands in the documentation work: those of the program are run, those of make name targets that are there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import mtglib
from docs.pages import ROOT, commands
from support.ports import free_port
from support.program import Program

ELSEWHERE = {
    "pip install .": "tests/install",
    "cargo test --manifest-path rust/Cargo.toml": "make cargo-test",
    "apt-get install git make python3-venv": "what a machine has before this project",
    "git clone URL mtg && cd mtg": "how this very folder came here",
    "python -m pytest tests/unit -x": "a part of this very run",
    "python -m tools.control_reference": "tests/docs/test_control_page.py, which compares what it makes",
    "openssl rand -hex 32 > /etc/mtg/token": "a token is what tests/unit/mtg/config/test_load.py takes for one",
    "chmod 600 /etc/mtg/token": "as above",
    "curl --unix-socket /run/mtg/mtg.sock http://mtg/v1/status": "tests/unit/mtg/control/test_api.py asks so",
    """curl --unix-socket /run/mtg/mtg.sock http://mtg/v1/users/anna -d '{"quota": "10gb", "quota-period": "month"}'""": (  # noqa: E501
        "tests/unit/mtg/control/handlers/test_users.py asks so"
    ),
    """curl --unix-socket /run/mtg/mtg.sock http://mtg/v1/users/anna -X PATCH -d '{"expires": "2027-01-31"}'""": "as above",  # noqa: E501
    "curl --unix-socket /run/mtg/mtg.sock 'http://mtg/v1/users/anna/link?format=text'": "as above",
    "python -m tools.api_reference": "tests/docs/test_api_page.py, which compares what it makes",
    "python -m tools.picture docs/img/make-run.svg": "test_the_picture_can_be_drawn_again",
    "python -m tools.top_picture docs/img/top.svg": "test_the_picture_of_top_can_be_drawn_again",
}
"""Commands that something else runs."""

ASKING = ("status", "top", "connections", "reload", "users")
"""Commands that ask a running proxy."""

USERS = "".join(
    f'[users.{name}]\nsecret = "{mtglib.Secret(bytes([number]) * 16, "www.example.com").hex()}"\n'
    for number, name in enumerate(("ann", "bob", "cid"), start=1)
)
"""Those that commands of the pages speak of; a command that adds one has another name there."""

COMMANDS = [command for command in commands() if command not in ELSEWHERE]
NEEDS_MAKE = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def environment() -> dict[str, str]:
    """Where `mtg` and `python` are those that run this."""
    folder = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return {name: value for name, value in os.environ.items() if not name.startswith("MAKE")} | {"PATH": folder}


def run_until(line: str, command: list[str], folder: Path) -> str:
    """Run a command that serves, end it when it says so, and return all that it said."""
    output = ""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            for said in process.stdout:
                output += said
                if line in said:
                    break
            os.killpg(process.pid, signal.SIGTERM)  # make, and what it runs
            output += process.stdout.read()
        finally:
            process.kill()
    assert line in output, output
    return output


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("mtg ")])
def test_command_of_the_program(command: str, tmp_path: Path) -> None:
    config, secret = tmp_path / "mtg.toml", mtglib.Secret.generate("www.example.com")
    config.touch(mode=0o600)
    config.write_text(
        f'secret = "{secret.hex()}"\nbind-to = "127.0.0.1:{free_port()}"\nusers-file = "users.toml"\n'
        f'control-socket = "{tmp_path}/mtg.sock"\n[defense.front-learning]\nenabled = false\n'
    )
    (tmp_path / "users.toml").write_text(USERS)
    words = shlex.split(command)
    if words[1] == "run":
        run_until("mtg has started", words, tmp_path)
    elif words[1] in ASKING:
        with Program("run", config) as program:
            program.started()
            done = subprocess.run(
                words,
                cwd=tmp_path,
                env={**environment(), "RUNTIME_DIRECTORY": str(tmp_path)},
                capture_output=True,
                text=True,
                check=False,
            )
        assert done.returncode == 0, done.stderr
    else:
        done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@NEEDS_MAKE
@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make run")])
def test_make_run(command: str, tmp_path: Path) -> None:
    words = [word for word in shlex.split(command) if not word.startswith(("PORT=", "CONFIG="))]
    installed = tmp_path / "stamps"
    port, variables = free_port(), {"CONFIG": tmp_path / "mtg.toml", "STAMPS": installed, "VENV": sys.prefix}
    words += [f"PORT={port}", *(f"{name}={value}" for name, value in variables.items())]

    output = run_until("mtg has started", [*words, "-o", f"{installed}/run"], ROOT)

    server = re.search(r"SERVER=(\S+)", command)
    assert f"{tmp_path}/mtg.toml: created, with a new secret" in output
    assert re.search(rf"tg://proxy\?server={server[1] if server else '[0-9.]+'}&port={port}&secret=ee[0-9a-f]+", output)
    assert (tmp_path / "mtg.toml").stat().st_mode & 0o777 == 0o600


@NEEDS_MAKE
@pytest.mark.parametrize("command", [c for c in COMMANDS if re.match(r"make\b(?! run)", c)])
def test_make_knows(command: str) -> None:
    target = shlex.split(command)[1]
    described = subprocess.run(
        ["make", "help"], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    assert f"make {target} " in described.stdout
    planned = subprocess.run(
        [*shlex.split(command), "--dry-run"], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert planned.returncode == 0, planned.stderr


def test_there_is_no_other_command() -> None:
    assert [c for c in COMMANDS if not c.startswith(("mtg ", "make "))] == []


def test_the_picture_of_top_can_be_drawn_again(tmp_path: Path) -> None:
    picture = tmp_path / "top.svg"
    subprocess.run([sys.executable, "-m", "tools.top_picture", picture], cwd=ROOT, env=environment(), check=True)
    heading = re.compile(r"clients \d|connections \d|CLIENT +USER +STATE +DC +AGE|q[^<]* quit|>[^<]*127\.0\.0")
    kept = (ROOT / "docs" / "img" / "top.svg").read_text()
    assert heading.findall(picture.read_text()) == heading.findall(kept) != []


def test_the_picture_can_be_drawn_again(tmp_path: Path) -> None:
    picture = tmp_path / "make-run.svg"
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", 8443)) == 0:
            pytest.skip("port 8443, which the picture shows, is in use")
    subprocess.run([sys.executable, "-m", "tools.picture", picture], cwd=ROOT, env=environment(), check=True)
    link = re.compile(r"tg://proxy\?server=proxy\.example\.org&amp;port=8443&amp;secret=ee[0-9a-f]+")
    assert link.findall(picture.read_text()) == link.findall((ROOT / "docs" / "img" / "make-run.svg").read_text()) != []
