"""Reading the file: whatever is wrong with it is one clear line, and exit code 2."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

import mtglib
from mtg.build import check
from mtg.config import config_from_table, load_config
from mtg.config.small_file import read_small_file
from mtg.user_error import UserError

SECRET = mtglib.Secret(bytes(range(16)), "front.example")
GOOD = f'secret = "{SECRET.hex()}"\nbind-to = "127.0.0.1:3128"\n'


def write(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def lines(path: Path) -> list[str]:
    with pytest.raises(UserError) as raised:
        check(load_config(path))
    assert raised.value.exit_code == 2
    return [line.removeprefix(f"{path}") for line in raised.value.lines]


def test_a_good_file_has_a_secret_and_no_warnings(tmp_path: Path) -> None:
    loaded = load_config(write(tmp_path / "c.toml", GOOD))
    assert loaded.secret == SECRET
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"a = 1\nb = \n", ":2: expected a value: "),
        (b"# ok\n# \xff\n", ":2: expected UTF-8"),
        (b"a = " + b"9" * 5000, ": expected TOML, without huge numbers"),
    ],
)
def test_what_is_not_toml_is_one_line_with_its_number(tmp_path: Path, content: bytes, place: str) -> None:
    (line,) = lines(write(tmp_path / "c.toml", content))
    assert line.startswith(place)


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert lines(tmp_path / "missing.toml") == [": No such file or directory"]
    assert lines(tmp_path) == [": expected a file, got a directory"]


def test_each_problem_begins_with_the_files_name(tmp_path: Path) -> None:
    path = write(tmp_path / "c.toml", GOOD + "concurrency = 0\nx = 1\n")
    assert lines(path) == [
        ": concurrency: expected a whole number from 1 to 1000000000, got 0",
        ": x: unknown key",
    ]


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    assert load_config(write(tmp_path / "c.toml", b"\xef\xbb\xbf" + GOOD.encode())).secret == SECRET


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_secret_that_others_can_read_is_a_warning(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "c.toml", GOOD, mode)
    assert load_config(path).warnings == (
        f"{path}: contains the secret, and other users can read it (chmod 600 {path})",
    )


def test_a_secret_file_is_relative_to_the_configuration(tmp_path: Path) -> None:
    write(tmp_path / "key", f"  {SECRET.base64()}\n", 0o644)
    path = write(tmp_path / "c.toml", 'secret-file = "key"\nbind-to = "127.0.0.1:1"', 0o644)
    loaded = load_config(path)
    assert loaded.secret == SECRET
    assert [warning.partition(": ")[0] for warning in loaded.warnings] == [str(tmp_path / "key")]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, ': secret-file: "key": No such file or directory'),
        (b"\xff", ': secret-file: "key": expected a secret in hex or base64'),
        (b"zz", ': secret-file: "key": expected '),
        (b"", ': secret-file: "key": expected hex or base64, got nothing'),
    ],
)
def test_a_bad_secret_file_is_one_line(tmp_path: Path, content: bytes | None, line: str) -> None:
    if content is not None:
        write(tmp_path / "key", content)
    path = write(tmp_path / "c.toml", 'secret-file = "key"\nbind-to = "127.0.0.1:1"')
    (got,) = lines(path)
    assert got.startswith(line)


def unreadable(path: Path, kind: str) -> Path:
    """Make something that is no ordinary small file."""
    match kind:
        case "a directory":
            path.mkdir()
        case "a pipe":
            os.mkfifo(path)
        case "a socket":
            with socket.socket(socket.AF_UNIX) as sock:
                sock.bind(str(path))
        case "a device":
            path.symlink_to("/dev/zero")
        case "a larger file":
            path.touch()
            os.truncate(path, 2**30)
    return path


KINDS = ["a directory", "a pipe", "a socket", "a device", "a larger file"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_file_that_is_no_ordinary_small_file_is_one_line(tmp_path: Path, kind: str) -> None:
    unreadable(tmp_path / "key", kind)
    path = write(tmp_path / "c.toml", 'secret-file = "key"\nbind-to = "127.0.0.1:1"')
    expected = "at most 4096 bytes" if kind == "a larger file" else "a file"
    assert lines(path) == [f': secret-file: "key": expected {expected}, got {kind}']


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "a pipe"])
def test_a_configuration_that_is_no_ordinary_small_file_is_one_line(tmp_path: Path, kind: str) -> None:
    expected = "at most 4194304 bytes" if kind == "a larger file" else "a file"
    assert lines(unreadable(tmp_path / "c.toml", kind)) == [f": expected {expected}, got {kind}"]


def test_a_configuration_may_come_through_a_pipe() -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "w") as pipe:
        pipe.write(GOOD)
        pipe.close()
        assert load_config(Path(f"/dev/fd/{reader}")).secret == SECRET


def test_a_pipe_that_nobody_has_open_is_empty(tmp_path: Path) -> None:
    assert lines(unreadable(tmp_path / "c.toml", "a pipe"))[0].startswith(": secret: missing")


def test_a_pipe_that_its_writer_keeps_open_is_an_error(tmp_path: Path) -> None:
    path = unreadable(tmp_path / "c.toml", "a pipe")
    text = r"^expected a file, got a pipe that wasn't closed within 0\.01 s$"
    with open(os.open(path, os.O_RDWR)), pytest.raises(ValueError, match=text):
        read_small_file(path, 100, pipe_timeout=0.01)


def test_a_secret_in_place_of_a_file_name_is_not_echoed(tmp_path: Path) -> None:
    path = write(tmp_path / "c.toml", f'secret-file = "{SECRET.hex()}"\nbind-to = "127.0.0.1:1"')
    (line,) = lines(path)
    assert SECRET.hex() not in line
    assert line.startswith(": secret-file: ")


def test_a_secret_in_place_of_a_file_is_not_quoted() -> None:
    text = mtglib.Secret.generate("front.example").hex()
    with pytest.raises(UserError) as raised:
        load_config(Path(text))

    assert str(raised.value) == "***: No such file or directory"


def test_a_secret_as_a_key_is_not_quoted(tmp_path: Path) -> None:
    text = mtglib.Secret.generate("front.example").hex()
    path = tmp_path / "mtg.toml"
    path.write_text(f"[{text}]\n[{text}]\n")
    with pytest.raises(UserError) as raised:
        load_config(path)

    assert str(raised.value) == f"{path}:2: expected a new key or table, got one that is already there"


def test_a_nul_in_the_name_of_the_secrets_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mtg.toml"
    path.write_text('secret-file = "\\u0000"\nbind-to = "127.0.0.1:0"\n')

    assert [line for line in load_config(path).problems if "secret-file" in line] == [
        f'{path}: secret-file: "\\u0000": expected a file name'
    ]


@pytest.mark.parametrize("key", ["network.proxies", "defense.blocklist.urls"])
def test_a_url_in_place_of_a_list_is_not_quoted(key: str) -> None:
    section, _, name = key.rpartition(".")
    table: dict[str, Any] = {name: "socks5://10.0.0.1:1080:bob:hunter2"}
    for part in reversed(section.split(".")):
        table = {part: table}
    loaded = config_from_table({"secret": mtglib.Secret.generate("a.example").hex(), **table}, source="test")

    assert f"test: {key}: expected a list" in loaded.problems


TOKEN = "0123456789abcdef"


def with_token(tmp_path: Path, content: bytes | None, name: str = "token") -> Path:
    if content is not None:
        (tmp_path / "token").touch(mode=0o600)
        (tmp_path / "token").write_bytes(content)
    text = f'secret = "{SECRET.hex()}"\nbind-to = "127.0.0.1:1"\napi-bind-to = "127.0.0.1:2"\napi-token-file = "{name}"'
    return write(tmp_path / "c.toml", text)


def test_the_token_of_the_api_is_read_and_never_shown(tmp_path: Path) -> None:
    loaded = load_config(with_token(tmp_path, f" {TOKEN}\n".encode()))
    assert (loaded.api_token, loaded.problems, loaded.warnings) == (TOKEN, (), ())
    assert TOKEN not in repr(loaded)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, ': api-token-file: "token": No such file or directory'),
        (b"", ': api-token-file: "token": expected 16 to 512 letters'),
        (b"short", ': api-token-file: "token": expected 16 to 512 letters'),
        (b"two words and more", ': api-token-file: "token": expected 16 to 512 letters'),
        (b"x" * 513, ': api-token-file: "token": expected 16 to 512 letters'),
        (b"x" * 5000, ': api-token-file: "token": expected at most 4096 bytes'),
        (b"\xff" * 20, ': api-token-file: "token": expected 16 to 512 letters'),
    ],
)
def test_a_bad_token_is_one_line(tmp_path: Path, content: bytes | None, line: str) -> None:
    (found,) = lines(with_token(tmp_path, content))
    assert found.startswith(line)


def test_a_token_in_place_of_its_file_is_not_shown(tmp_path: Path) -> None:
    token = "f3" * 32
    (found,) = lines(with_token(tmp_path, None, token))
    assert found.startswith(": api-token-file: ")
    assert token not in found


def test_a_token_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    path = with_token(tmp_path, TOKEN.encode())
    (tmp_path / "token").chmod(0o644)
    (warning,) = load_config(path).warnings
    assert warning.endswith(f"contains the API's token, and other users can read it (chmod 600 {tmp_path / 'token'})")
