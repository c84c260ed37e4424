"""The command line, in process: output, exit codes, and that nobody ever sees a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import mtg
import mtglib
from mtg import cli
from unit.mtg.command_line import SECRET, run


def test_version_names_python_and_the_engine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--version") == 0
    out = capsys.readouterr().out
    assert out.startswith(f"mtg {mtg.__version__} (Python {sys.version_info.major}.{sys.version_info.minor}.")
    assert f"engine {mtglib.engine_description()}" in out


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    assert project.get("version", mtg.__version__) == mtg.__version__ == mtglib.__version__


ASKING = ("http.client", "mtg.control_client", "mtg.reports", "mtg.top")


def test_the_command_line_imports_no_daemon() -> None:
    heavy = {
        "mtglib",
        "structlog",
        "uvloop",
        "msgspec",
        "segno",
        "aiohttp",
        "mtg.control_client",
        "mtg.reports",
        "mtg.top",
    }
    code = f"import sys, mtg.cli; sys.exit(len({heavy!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("flags", "encode"), [([], "base64"), (["-x"], "hex"), (["--hex"], "hex")])
def test_generate_secret_prints_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], flags: list[str], encode: str
) -> None:
    assert run(monkeypatch, "generate-secret", *flags, "front.example") == 0
    out = capsys.readouterr().out
    secret = mtglib.Secret.parse(out)
    assert secret.host == "front.example"
    assert out == getattr(secret, encode)() + "\n"


@pytest.mark.parametrize("host", ["a b", "https://front.example", "front.example:443", "192.0.2.1", "a..b"])
def test_generate_secret_refuses_a_bad_host(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    assert run(monkeypatch, "generate-secret", host) == 2
    expected = "a host name such as www.example.com, without https:// or a port"
    assert capsys.readouterr().err == f'mtg: HOST: expected {expected}, got "{host}"\n'


def test_a_secret_in_the_hosts_place_is_not_quoted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = mtglib.Secret.generate("a-longer-name.front.example").hex()
    assert run(monkeypatch, "generate-secret", secret) == 2
    assert secret[2:34] not in capsys.readouterr().err


def test_access_prints_json_on_stdout_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    assert run(monkeypatch, "access", config) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["ipv4"]["ip"] == "127.0.0.1"
    assert err.startswith("mtg: 127.0.0.1 works on this machine only; set public-ipv4 or pass -i\n")
    assert "█" not in err


def test_access_draws_on_stderr_when_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Path
) -> None:
    assert run(monkeypatch, "access", "--qr", "-i", "8.8.8.8", "-p", "443", "-x", config) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["ipv4"]["tg_url"] == f"tg://proxy?server=8.8.8.8&port=443&secret={SECRET.hex()}"
    assert "█" in err


def test_access_writes_images(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, config: Path) -> None:
    assert run(monkeypatch, "access", "--svg", tmp_path / "x.svg", "--png", tmp_path / "x.png", config) == 0
    assert (tmp_path / "x.svg").stat().st_size > 0
    assert (tmp_path / "x.png").stat().st_size > 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("access", "-p", "0", "c.toml"),
        ("access",),
        ("nonsense",),
        ("run", "--nonsense", "c.toml"),
        ("simple-run", "127.0.0.1:1"),
        ("quickstart", "--port", "x"),
    ],
)
def test_a_wrong_command_line_is_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    monkeypatch.delenv("MTG_SECRET", raising=False)
    assert run(monkeypatch, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    assert err != ""


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("-i", "::1", "an IPv4 address"),
        ("-I", "1.2.3.4", "an IPv6 address"),
        ("-p", "0", "a port from 1 to 65535"),
        ("-p", "65536", "a port from 1 to 65535"),
        ("-p", "x", "a port from 1 to 65535"),
    ],
)
def test_a_wrong_option_of_access_says_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str, value: str, expected: str
) -> None:
    assert run(monkeypatch, "access", option, value, "c.toml") == 2
    assert f"expected {expected}, got '{value}'" in " ".join(capsys.readouterr().err.replace("│", "").split())


@pytest.mark.parametrize("command", ["run", "access"])
def test_all_problems_of_a_configuration_are_lines_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: Path, command: str
) -> None:
    config.write_text('secret = "ee00"\nbind-to = "x"\nconcurency = 1\nnetwork.proxies = ["http://u:p@h"]\n')
    assert run(monkeypatch, command, config) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.removeprefix(f"mtg: {config}: ").partition(":")[0] for line in err.splitlines()] == [
        *("secret", "bind-to", "concurency", "network.proxies[0]"),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        *((), ("quickstart",), ("generate-secret",), ("access",), ("run",), ("simple-run",), ("users",)),
        *(("status",), ("top",), ("connections",), ("reload",)),
        *(("users", name) for name in ("list", "show", "add", "set", "rotate", "enable", "disable", "remove", "link")),
    ],
)
def test_help_has_examples(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(monkeypatch, *arguments, "--help") == 0
    assert "$ mtg " in capsys.readouterr().out


def test_help_of_simple_run_warns_of_argv(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch, "simple-run", "-h")
    assert "visible to every user" in capsys.readouterr().out


def test_a_bug_is_a_line_unless_its_traceback_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError("x")

    monkeypatch.setattr(cli, "cli", broken)
    monkeypatch.delenv(cli.TRACEBACK_VARIABLE, raising=False)
    assert run(monkeypatch) == 1
    assert capsys.readouterr().err == "mtg: internal error: ZeroDivisionError: x (MTG_TRACEBACK=1 says where)\n"
    monkeypatch.setenv(cli.TRACEBACK_VARIABLE, "1")
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_an_interrupt_is_silent(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "cli", interrupted)
    assert run(monkeypatch) == 130
    assert capsys.readouterr().err == ""
