"""Reading the file: whatever is wrong with it is one clear line, and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

import mtglib
from mtg.config import load_config
from mtg.user_error import UserError

SECRET = mtglib.Secret(bytes(range(16)), "front.example")
GOOD = f'secret = "{SECRET.hex()}"\nbind-to = "127.0.0.1:3128"\n'


def write(path: Path, content: str | bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


def lines(path: Path) -> list[str]:
    with pytest.raises(UserError) as raised:
        load_config(path)
    assert raised.value.exit_code == 2
    return [line.removeprefix(f"{path}") for line in raised.value.lines]


def test_a_good_file_has_a_secret_and_no_warnings(tmp_path: Path) -> None:
    loaded = load_config(write(tmp_path / "c.toml", GOOD))
    assert loaded.secret == SECRET
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"a = 1\nb = \n", ":2: "),
        (b"a = 1\nb = [1,\n", ":3: "),
        (b"a = 1\na = 2\n", ":2: "),
        (b"# ok\n# \xff\n", ":2: expected UTF-8"),
        (b"a = " + b"9" * 5000, ": expected TOML with sensible numbers"),
        (b"a = " + b"[" * 5000, ": expected TOML with sensible numbers"),
    ],
)
def test_what_is_not_toml_is_one_line_with_its_number(tmp_path: Path, content: bytes, place: str) -> None:
    (line,) = lines(write(tmp_path / "c.toml", content))
    assert line.startswith(place)  # the words behind it are the parser's


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    assert lines(tmp_path / "missing.toml") == [": No such file or directory"]
    assert lines(tmp_path) == [": Is a directory"]


def test_each_problem_begins_with_the_files_name(tmp_path: Path) -> None:
    path = write(tmp_path / "c.toml", GOOD + "concurrency = 0\nx = 1\n")
    assert lines(path) == [
        ": concurrency: expected a whole number of 1 to 2147483647, got 0",
        ": x: unknown key",
    ]


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    assert load_config(write(tmp_path / "c.toml", b"\xef\xbb\xbf" + GOOD.encode())).secret == SECRET


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_secret_that_others_can_read_is_a_warning(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "c.toml", GOOD, mode)
    assert load_config(path).warnings == (f"{path}: holds the secret and other users can read it (chmod 600 {path})",)


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


def test_a_secret_in_place_of_a_file_name_is_not_echoed(tmp_path: Path) -> None:
    path = write(tmp_path / "c.toml", f'secret-file = "{SECRET.hex()}"\nbind-to = "127.0.0.1:1"')
    (line,) = lines(path)
    assert SECRET.hex() not in line
    assert line.startswith(": secret-file: ")
