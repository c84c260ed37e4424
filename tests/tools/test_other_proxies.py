"""The benchmark gives other proxies a configuration that fits, and measures those that are here."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.peers.faketls import Secret, signed_client_hello
from benchmarks.subjects import others
from benchmarks.subjects.mtg import mtg_config
from benchmarks.subjects.mtprotoproxy import mtprotoproxy_config
from tools.others import main as install

from mtg.config import load_config
from mtg.config.addresses import ListenIP
from mtglib.wire.client_hello import authenticate, parse
from mtglib.wire.handshake import NamedGroup
from support.netns import require_root_and_netns

ROOT = Path(__file__).parents[2]
SECRET = Secret(bytes(range(16)), "bench.example.com")


@pytest.mark.parametrize("fast_mode", [False, True])
def test_mtprotoproxy_reads_a_program_of_settings(fast_mode: bool, tmp_path: Path) -> None:
    file = tmp_path / "config.py"
    file.write_text(mtprotoproxy_config(SECRET, 8443, fast_mode))

    settings = {name: value for name, value in runpy.run_path(str(file)).items() if name.isupper()}

    assert settings == {
        "PORT": 8443,
        "USERS": {"bench": "000102030405060708090a0b0c0d0e0f"},
        "TLS_DOMAIN": "bench.example.com",
        "TLS_ONLY": True,
        "SECURE_ONLY": True,
        "FAST_MODE": fast_mode,
        "LISTEN_ADDR_IPV4": "127.0.0.1",
        "LISTEN_ADDR_IPV6": "",
        "MASK": False,
    }


def test_mtg_reads_the_keys_that_this_proxy_reads(tmp_path: Path) -> None:
    file = tmp_path / "mtg.toml"
    file.write_text(mtg_config(SECRET, 8443))
    file.chmod(0o600)

    loaded = load_config(file)

    assert loaded.secret.hex() == SECRET.hex()
    assert loaded.config.bind_to == (ListenIP("127.0.0.1", 8443),)
    assert loaded.config.prefer_ip == "only-ipv4"
    assert not loaded.config.defense.blocklist.enabled


@pytest.mark.parametrize("offers_ml_kem", [True, False])
def test_the_long_hello_has_an_ml_kem_share_if_it_is_to_have_one(offers_ml_kem: bool) -> None:
    hello = parse(signed_client_hello(SECRET._replace(offers_ml_kem=offers_ml_kem)))

    assert len(hello.key_shares.get(NamedGroup.X25519_MLKEM768, b"")) == 1216 * offers_ml_kem
    assert len(hello.key_shares[NamedGroup.X25519]) == 32


@pytest.mark.parametrize(("takes_long_hellos", "is_short"), [(True, False), (False, True)])
def test_hello_is_as_long_as_the_proxy_takes_it(takes_long_hellos: bool, is_short: bool) -> None:
    hello = signed_client_hello(SECRET._replace(takes_long_hellos=takes_long_hellos))

    assert (len(hello) == 517) == is_short
    assert parse(hello).server_name == SECRET.host
    assert authenticate(hello, [SECRET.key]) is not None


def test_programs_are_installed_ones_and_those_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(others, "INSTALLED", {"mtprotoproxy": tmp_path})
    monkeypatch.delenv("MTG_BENCH_MTPROTOPROXY", raising=False)
    monkeypatch.delenv("MTG_BENCH_MTG", raising=False)
    assert others.programs() == {}

    program = tmp_path / "bin" / "mtprotoproxy"
    program.parent.mkdir()
    program.touch()
    assert others.programs() == {"mtprotoproxy": str(program)}

    monkeypatch.setenv("MTG_BENCH_MTPROTOPROXY", "another")
    monkeypatch.setenv("MTG_BENCH_MTG", "a-third")
    assert others.programs() == {"mtprotoproxy": "another", "mtg": "a-third"}


def test_what_could_not_be_installed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(others, "INSTALLED", {"mtprotoproxy": tmp_path / "venv"})
    monkeypatch.setattr("tools.others._PYTHON", sys.executable)
    monkeypatch.delenv("MTG_BENCH_MTPROTOPROXY", raising=False)
    monkeypatch.setenv("MTG_BENCH_MTG", "its-program")

    assert install() == 0

    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"mtprotoproxy needs Python 3.7, which {sys.executable} isn't: make bench-others PYTHON37=/path/to/it",
        "mtg: its-program",
        "mtprotoproxy: not measured; MTG_BENCH_MTPROTOPROXY may name its program",
        "mtg-multi and telemt: not measured, see docs/comparison.md",
    ]


def test_another_proxy_is_measured_where_public_data_centres_are_fake(tmp_path: Path) -> None:
    require_root_and_netns()
    stand_in = tmp_path / "mtg"
    stand_in.write_text(f'#!/bin/sh\nexec {sys.executable} -m mtg "$@"\n')
    stand_in.chmod(0o755)
    results = tmp_path / "results.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--others", "--rows", "connection", "--haproxy", "off"]
    environment = {**os.environ, "STAMPS": str(tmp_path), "MTG_BENCH_MTG": str(stand_in)}

    done = subprocess.run([*command, "--json", str(results)], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    (row,) = json.loads(results.read_text())["rows"]
    assert row["runs"][0]["mtg"]["value"] > 0
    assert "Other proxies" in done.stdout
