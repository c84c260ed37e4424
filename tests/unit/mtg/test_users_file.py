"""Users on disk: what people wrote stays, a change is whole or isn't there, and errors are one line."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mtg.user_error import UserError
from mtg.users_file import MOST_BYTES, UsersFile

WRITTEN = """\
# my people

[users.anna]   # since the beginning
secret = "ee01"
quota = "10gb" # a month

# the other one
[users."b.c"]
secret = "ee02"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "users.toml"
    path.write_text(WRITTEN)
    path.chmod(0o640)
    return path


def line_of(call: Any, *arguments: Any) -> str:
    with pytest.raises(UserError) as raised:
        call(*arguments)
    (line,) = raised.value.lines
    return line


def test_users_are_read(path: Path) -> None:
    assert UsersFile(path).read() == {"anna": {"secret": "ee01", "quota": "10gb"}, "b.c": {"secret": "ee02"}}


def test_a_file_that_is_not_there_has_no_users_and_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    assert UsersFile(path).read() == {}
    assert not UsersFile(path).remove("anna")
    assert not path.exists()
    UsersFile(path).put("anna", {"secret": "ee01"})
    assert path.read_text() == '[users.anna]\nsecret = "ee01"\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["new.toml"]


def test_comments_order_and_mode_stay(path: Path) -> None:
    file = UsersFile(path)
    file.put("anna", {"secret": "ee03", "expires": date(2027, 1, 1), "missing": None})
    file.put("d", {"secret": "ee04", "max-connections": 5})
    assert (
        path.read_text()
        == WRITTEN.replace(
            'secret = "ee01"\nquota = "10gb" # a month\n',
            'secret = "ee03"\nquota = "10gb" # a month\nexpires = 2027-01-01\n',
        )
        + '\n[users.d]\nsecret = "ee04"\nmax-connections = 5\n'
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert file.read()["anna"]["expires"] == date(2027, 1, 1)


def test_a_value_and_a_user_can_be_removed(path: Path) -> None:
    file = UsersFile(path)
    file.put("anna", {"quota": None})
    assert file.remove("b.c")
    assert not file.remove("b.c")
    assert file.read() == {"anna": {"secret": "ee01"}}
    assert path.read_text().startswith("# my people\n\n[users.anna]   # since the beginning\n")


def test_what_people_write_meanwhile_stays(path: Path) -> None:
    file = UsersFile(path)
    file.put("anna", {"secret": "ee05"})
    (replaced := path.with_suffix(".hand")).write_text(path.read_text() + '[users.e]\nsecret = "ee06"\n')
    replaced.replace(path)
    file.put("anna", {"secret": "ee07"})
    assert list(file.read()) == ["anna", "b.c", "e"]


def test_other_tables_and_dotted_keys_stay(tmp_path: Path) -> None:
    (path := tmp_path / "u.toml").write_text('users.a.secret = "ee01"\n[other]\nx = 1\n')
    UsersFile(path).put("b", {"secret": "ee02"})
    assert tomllib.loads(path.read_text()) == {
        "users": {"a": {"secret": "ee01"}, "b": {"secret": "ee02"}},
        "other": {"x": 1},
    }


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    (link := tmp_path / "link").symlink_to(path)
    UsersFile(link).remove("anna")
    assert link.is_symlink()
    assert list(UsersFile(path).read()) == ["b.c"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"[users.a]\nsecret = \n", ":2: isn't TOML (nothing has changed)"),
        (b"\xff", ": isn't TOML (nothing has changed)"),
        (b"users = 1\n", ": users: expected a table [users.NAME] for each user (nothing has changed)"),
        (b"[[users]]\n", ": users: expected a table [users.NAME] for each user (nothing has changed)"),
        (b"[users]\na = 1\n", ": users: expected a table [users.NAME] for each user (nothing has changed)"),
        (b"#" * (MOST_BYTES + 1), f": expected at most {MOST_BYTES} bytes, got a larger file (nothing has changed)"),
    ],
)
def test_a_broken_file_is_one_line_and_stays_as_it_is(path: Path, text: bytes, line: str) -> None:
    path.write_bytes(text)
    file = UsersFile(path)
    assert line_of(file.read) == f"{path}{line}"
    assert line_of(file.put, "a", {"secret": "ee01"}) == f"{path}{line}"
    assert line_of(file.remove, "a") == f"{path}{line}"
    assert path.read_bytes() == text


def test_a_folder_in_its_place_is_one_line(tmp_path: Path) -> None:
    assert line_of(UsersFile(tmp_path).read) == f"{tmp_path}: can't be read: Is a directory (nothing has changed)"


def test_a_missing_folder_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "users.toml"
    told = f"{path}: can't be written: No such file or directory (nothing has changed)"
    assert line_of(UsersFile(path).put, "a", {}) == told


@pytest.fixture
def mounted(path: Path) -> Iterator[Path]:
    """The same file, mounted by itself, as containers do it."""
    (place := path.parent / "mounted").touch()
    done = subprocess.run(["mount", "--bind", path, place], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("nothing can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_file_that_is_mounted_by_itself_is_written_in_place(path: Path, mounted: Path) -> None:
    UsersFile(mounted).put("anna", {"secret": "ee09"})
    UsersFile(mounted).remove("b.c")
    assert UsersFile(path).read() == {"anna": {"secret": "ee09", "quota": "10gb"}}
    assert sorted(os.listdir(path.parent)) == ["mounted", "users.toml"]


def test_a_read_only_mount_is_one_line_and_nothing_has_changed(path: Path, mounted: Path) -> None:
    subprocess.run(["mount", "-o", "remount,bind,ro", mounted], check=True)
    told = f"{mounted}: can't be written: Read-only file system (nothing has changed)"
    assert line_of(UsersFile(mounted).put, "anna", {"secret": "ee09"}) == told
    assert path.read_text() == WRITTEN
    assert sorted(os.listdir(path.parent)) == ["mounted", "users.toml"]


def test_a_full_disk_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sync(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", sync)
    told = f"{path}: can't be written: No space left on device (nothing has changed)"
    assert line_of(UsersFile(path).put, "anna", {"secret": "ee09"}) == told
    assert path.read_text() == WRITTEN
    assert os.listdir(path.parent) == ["users.toml"]


def test_a_full_disk_below_a_mounted_file_gives_it_back_what_it_had(
    path: Path, mounted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, fails = os.replace, [False]

    def busy(*arguments: Any) -> None:
        fails[0] = True
        replace(*arguments)

    def sync(_: int) -> None:
        if fails[0]:
            fails[0] = False
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", busy)
    monkeypatch.setattr(os, "fsync", sync)
    told = f"{mounted}: can't be written: No space left on device (nothing has changed)"
    assert line_of(UsersFile(mounted).put, "anna", {"secret": "ee09"}) == told
    assert path.read_text() == WRITTEN
