"""A running program, asked and changed by commands, on a terminal and in pipes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import mtglib
from support.asked_program import AskedProgram, asked_program
from support.faketls_client import FakeTLSClient
from support.program import Program
from support.terminal import ProgramOnTerminal

MTG = (sys.executable, "-m", "mtg")
OR_ELSE = "it isn't running, or has its `control-socket` elsewhere or none"


async def run(program: AskedProgram, *arguments: object, code: int = 0, stdin: bytes = b"") -> tuple[str, str]:
    """Run a command that asks a program, in pipes; return what it says on stdout and stderr."""
    return await run_bare(*arguments, "--socket", program.socket, code=code, stdin=stdin)


async def run_bare(
    *arguments: object, code: int = 0, stdin: bytes = b"", environment: Mapping[str, str] | None = None
) -> tuple[str, str]:
    process = await asyncio.create_subprocess_exec(
        *MTG,
        *map(str, arguments),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    out, err = await process.communicate(stdin)
    assert process.returncode == code, (out, err)
    assert b"Traceback" not in err
    return out.decode(), err.decode()


async def asked(program: AskedProgram, *arguments: object, **more: Any) -> dict[str, Any]:
    """Run a command with --json, and return what it prints."""
    out, err = await run(program, *arguments, "--json", **more)
    assert err == ""
    answer: dict[str, Any] = json.loads(out)
    return answer


async def on_terminal(program: AskedProgram, *arguments: object) -> str:
    """What a command shows on a terminal."""
    with ProgramOnTerminal(*arguments, "--socket", program.socket, columns=200, rows=60) as terminal:
        code = await asyncio.to_thread(terminal.wait)
        assert code == 0, terminal.text()
        return terminal.text()


async def test_status_and_connections(tmp_path: Path) -> None:
    async with asked_program(tmp_path, ann=2, bob=1) as program:
        status = await asked(program, "status")
        assert (status["clients"], status["config"]) == (3, str(program.config))
        shown = await on_terminal(program, "status")
        assert f"configuration  {program.config}\n" in shown
        assert "connections    3 of 8192\n" in shown
        assert "DC 2           connected " in shown

        found = (await asked(program, "connections", "--user", "ann"))["connections"]
        assert {one["user"] for one in found} == {"ann"}
        assert len((await asked(program, "connections"))["connections"]) == 3
        shown = await on_terminal(program, "connections")
        assert sorted(line.split()[2] for line in shown.strip().splitlines()[1:]) == ["ann", "ann", "bob"]
        assert await asked(program, "connections", "--end", found[0]["id"]) == {"id": found[0]["id"]}
        while len((await asked(program, "connections", "--user", "ann"))["connections"]) > 1:
            pass
        assert (await run(program, "connections", "--end", found[0]["id"], code=1)) == (
            *("", "mtg: there is no connection of this id\n"),
        )
        assert (await run(program, "connections", "--user", "nobody"))[0] == "no connections\n"


async def test_a_users_life(tmp_path: Path) -> None:
    async with asked_program(tmp_path) as program:
        added = await asked(program, "users", "add", "cid", "--quota", "5gb", "--expires", "30d", "--max-networks", 4)
        assert (added["name"], added["quota_bytes"], added["max_networks"]) == ("cid", 5 * 2**30, 4)
        link = await get_in(program, "cid")
        shown = await on_terminal(program, "users", "list")
        assert [line.split()[0] for line in shown.strip().splitlines()] == ["NAME", "ann", "bob", "cid"]
        assert "in 29 d 23 h" in shown or "in 30 d" in shown, shown

        shown = await on_terminal(program, "users", "set", "cid", "--quota", "none", "--expires", "none")
        assert shown.startswith("cid: changed\nname                cid\n")
        assert "quota               none\nexpires             never\n" in shown
        rotated = await asked(program, "users", "rotate", "cid", "--host", "other.example")
        assert rotated["host"] == "other.example"
        assert await get_in(program, "cid") != link
        assert (await asked(program, "users", "disable", "cid"))["enabled"] is False
        assert "state               disabled\n" in await on_terminal(program, "users", "show", "cid")
        assert (await run(program, "users", "enable", "cid"))[0].startswith("cid: enabled\n")
        assert (await run(program, "users", "remove", "cid")) == ("cid: removed\n", "")
        assert "cid" not in (tmp_path / "users.toml").read_text()
        assert (await run(program, "users", "show", "cid", code=1)) == ("", "mtg: there is no user of this name\n")


async def get_in(program: AskedProgram, user: str) -> str:
    """Let a client in with a user's link, and return the link."""
    link: str = (await asked(program, "users", "link", user))["links"][0]["tg_url"]
    secret = mtglib.Secret.parse(link.partition("secret=")[2])
    async with await FakeTLSClient.connect("127.0.0.1", program.port, secret) as client:
        await client.send(b"in")
        assert await client.recv_exactly(2) == b"in"
    return link


async def test_a_link_is_shown_and_drawn(tmp_path: Path) -> None:
    async with asked_program(tmp_path) as program:
        (link,) = (await asked(program, "users", "link", "ann"))["links"]
        assert link["server"] == "203.0.113.5"
        out, _ = await run(program, "users", "link", "ann", "--svg", tmp_path / "a.svg", "--png", tmp_path / "a.png")
        assert out == f"{link['tg_url']}\n{link['tme_url']}\n"
        assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")
        assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o600
        shown = await on_terminal(program, "users", "link", "ann")
        assert shown.startswith(link["tg_url"])
        assert "▀" in shown
        assert "▀" not in await on_terminal(program, "users", "link", "ann", "--no-qr")
        told = (await run(program, "users", "link", "ann", "--png", tmp_path / "none" / "a.png", code=1))[1]
        assert told == f"mtg: {tmp_path}/none/a.png: No such file or directory\n"


async def test_a_secret_is_given_in_a_file_or_a_pipe(tmp_path: Path) -> None:
    secret = mtglib.Secret(bytes(range(16)), "front.example")
    async with asked_program(tmp_path) as program:
        await asked(program, "users", "add", "cid", "--secret-file", "-", stdin=f"{secret.hex()}\n".encode())
        assert mtglib.Secret.parse((await get_in(program, "cid")).partition("secret=")[2]) == secret
        (tmp_path / "other").write_text(mtglib.Secret(bytes(range(16, 32)), "front.example").base64())
        await asked(program, "users", "set", "cid", "--secret-file", tmp_path / "other")
        assert mtglib.Secret.parse((await get_in(program, "cid")).partition("secret=")[2]).key == bytes(range(16, 32))
        _, err = await run(program, "users", "set", "cid", code=2)
        assert "expected at least one of --secret-file, --expires" in err


async def test_what_the_proxy_refuses_is_shown_in_its_own_words(tmp_path: Path) -> None:
    async with asked_program(tmp_path) as program:
        for arguments, code, told in (
            (("set", "ann", "--quota", "1gb"), 1, f"ann: is a user of {program.config}, and can only be changed there"),
            (("add", "ann"), 1, f"ann: is a user of {program.config}, and can only be changed there"),
            (("set", "zoe", "--quota", "1gb"), 1, "zoe: there is no user of this name"),
            (("add", "cid", "--quota", "much"), 2, "quota: expected a size above 0"),
            (("add", "cid", "--expires", "soon"), 2, "expires: expected a date such as 2027-01-31"),
            (("add", "cid", "--max-networks", "x"), 2, '--max-networks: expected a number, or "none", got "x"'),
            (("add", "cid", "--host", "a b"), 2, "host: "),
        ):
            out, err = await run(program, "users", *arguments, code=code)
            assert out == ""
            assert err.startswith(f"mtg: {told}"), err
            assert len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["a b", "", "..", "a/b", "x" * 65, "é"])
async def test_a_name_that_cannot_be_is_a_wrong_command_line(tmp_path: Path, name: str) -> None:
    _, err = await run_bare("users", "show", "--socket", tmp_path / "none", "--", name, code=2)
    assert "expected 1 to 64 letters" in err


async def test_reload_says_what_came_of_it(tmp_path: Path) -> None:
    async with asked_program(tmp_path) as program:
        assert (await asked(program, "reload"))["is_applied"] is True
        assert (await run(program, "reload"))[0].startswith("The configuration was read again.\n")


async def test_the_proxy_is_found_by_its_configuration_and_at_the_default_place(tmp_path: Path) -> None:
    async with asked_program(tmp_path) as program:
        for arguments, environment in (
            (("--config", program.config), {}),
            (("-c", program.config, "--socket", program.socket), {}),
            ((), {"XDG_RUNTIME_DIR": str(tmp_path), "RUNTIME_DIRECTORY": ""}),
            ((), {"RUNTIME_DIRECTORY": str(tmp_path)}),
        ):
            out, _ = await run_bare("status", "--json", *arguments, environment=environment)
            assert json.loads(out)["config"] == str(program.config)


async def test_a_proxy_of_another_configuration_is_not_asked(tmp_path: Path) -> None:
    async with asked_program(tmp_path) as program:
        other = tmp_path / "other.toml"
        other.write_text(program.config.read_text())
        _, err = await run_bare("users", "list", "-c", other, code=1)
        assert err.startswith(f"mtg: the proxy at {program.socket} runs {program.config}, not {other} (")
        await run_bare("users", "list", "-c", other, "--socket", program.socket)


COMMANDS: tuple[tuple[str, ...], ...] = (
    *(("status",), ("connections",), ("connections", "--end", "x"), ("reload",), ("top",), ("users", "list")),
    *(("users", "show", "a"), ("users", "add", "a"), ("users", "set", "a", "--quota", "1gb"), ("users", "rotate", "a")),
    *(("users", "enable", "a"), ("users", "disable", "a"), ("users", "remove", "a"), ("users", "link", "a")),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("shape", [(), ("--json",)], ids=["text", "json"])
def test_without_a_proxy_there_is_one_line(tmp_path: Path, command: tuple[str, ...], shape: tuple[str, ...]) -> None:
    words = [*MTG, *command, *shape, "--socket", f"{tmp_path}/mtg.sock"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    told = f"mtg: no proxy can be asked: {tmp_path}/mtg.sock: No such file or directory; {OR_ELSE}\n"
    assert (done.returncode, done.stdout, done.stderr) == (3, "", told)


async def test_a_proxy_that_hangs_can_be_left_with_ctrl_c(tmp_path: Path) -> None:
    async with asked_program(tmp_path) as program:
        program.process.send(signal.SIGSTOP)
        with ProgramOnTerminal("status", "--socket", program.socket) as terminal:
            while not has_a_socket(terminal.pid):
                pass
            terminal.press("\x03")
            assert await asyncio.to_thread(terminal.wait) == 130
            assert "Traceback" not in terminal.text()
        program.process.send(signal.SIGCONT)


def has_a_socket(pid: int) -> bool:
    """Whether a command has gone so far that it asks."""
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed in the meantime
            if os.readlink(file).startswith("socket:"):
                return True
    return False


async def test_a_pipe_that_closes_early_is_no_error(tmp_path: Path) -> None:
    async with asked_program(tmp_path, ann=3) as program:
        for command in ("connections", "connections --json", "status", "users list", "top --times 3 --delay 0.2"):
            line = f"{' '.join(MTG)} {command} --socket {program.socket} | head -c 1"
            shell = await asyncio.create_subprocess_shell(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            out, err = await shell.communicate()
            assert (len(out), err) == (1, b""), command


async def test_no_colours_where_nobody_wants_them(tmp_path: Path) -> None:
    async with asked_program(tmp_path) as program:
        out, _ = await run(program, "status")
        assert "\x1b" not in out
        with ProgramOnTerminal("status", "--socket", program.socket, environment={"NO_COLOR": "1"}) as terminal:
            await asyncio.to_thread(terminal.wait)
            assert b"\x1b[3" not in terminal.output


def test_a_killed_program_leaves_a_socket_without_anybody(tmp_path: Path) -> None:
    config = tmp_path / "mtg.toml"
    secret = mtglib.Secret(bytes(range(16)), "front.example").hex()
    config.write_text(f'bind-to = "127.0.0.1:0"\nsecret = "{secret}"\ncontrol-socket = "{tmp_path}/mtg.sock"\n')
    config.chmod(0o600)
    with Program("run", config) as program:
        program.started()
        program.send(signal.SIGKILL)
        program.exit_code()
    done = subprocess.run([*MTG, "status", "-c", config], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr == f"mtg: no proxy can be asked: {tmp_path}/mtg.sock: nobody is there any more; {OR_ELSE}\n"
