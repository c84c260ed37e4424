"""Files as they are mounted in reality: by themselves, read-only, full, and changed by somebody else meanwhile."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mtg.users_file import writing
from mtg.users_file.writing import ChangedError, version_of, write_whole


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_new_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    write_whole(path, b"new", None)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(tmp_path) == ["users.toml"]


def test_an_old_file_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_whole(path, b"new", version_of(path))
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o640)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a file away")
def test_an_old_file_keeps_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    path.write_bytes(b"old")
    os.chown(path, 65534, 65533)
    write_whole(path, b"new", version_of(path))
    assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65533)


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("data/real")
    write_whole(tmp_path / "link", b"new", version_of(tmp_path / "link"))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "data" / "real").read_bytes() == b"new"


@pytest.mark.parametrize("mode", [0o400, 0o444])
def test_a_read_only_file_is_left_alone_even_by_root(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "users.toml"
    path.write_bytes(b"old")
    path.chmod(mode)
    with pytest.raises(PermissionError, match="is read-only"):
        write_whole(path, b"new", version_of(path))
    assert (path.read_bytes(), names(tmp_path)) == (b"old", ["users.toml"])


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "missing" / "users.toml", b"new", None)


def test_what_somebody_else_has_written_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    path.write_bytes(b"old")
    seen = version_of(path)
    path.write_bytes(b"by hand")
    with pytest.raises(ChangedError):
        write_whole(path, b"new", seen)
    path.unlink()
    with pytest.raises((ChangedError, FileNotFoundError)):
        write_whole(path, b"new", seen)
    path.write_bytes(b"made by hand")
    with pytest.raises(ChangedError):
        write_whole(path, b"new", None)
    assert (path.read_bytes(), names(tmp_path)) == (b"made by hand", ["users.toml"])


@pytest.fixture
def mounts(tmp_path: Path) -> Iterator[list[Path]]:
    """What a test mounts, which goes at its end."""
    mounted: list[Path] = []
    yield mounted
    for path in reversed(mounted):
        subprocess.run(["umount", "-l", str(path)], check=True)


def mount(mounts: list[Path], place: Path, *arguments: str) -> None:
    if subprocess.run(["mount", *arguments, str(place)], capture_output=True, check=False).returncode:
        pytest.skip("mounting needs root")
    mounts.append(place)


@pytest.mark.parametrize("new", [b"longer than before", b"s", b""])
def test_a_file_that_is_mounted_by_itself_is_written_in_place(tmp_path: Path, mounts: list[Path], new: bytes) -> None:
    source, path = tmp_path / "source", tmp_path / "users.toml"
    source.write_bytes(b"old file")
    path.touch()
    mount(mounts, path, "--bind", str(source))
    write_whole(path, new, version_of(path))
    assert (path.read_bytes(), source.read_bytes()) == (new, new)
    assert names(tmp_path) == ["source", "users.toml"]


def test_in_place_somebody_elses_change_is_seen_too(tmp_path: Path, mounts: list[Path]) -> None:
    source, path = tmp_path / "source", tmp_path / "users.toml"
    source.write_bytes(b"old file")
    path.touch()
    mount(mounts, path, "--bind", str(source))
    seen = version_of(path)
    source.write_bytes(b"by hand, by somebody")
    with pytest.raises(ChangedError):
        write_whole(path, b"new", seen)
    assert path.read_bytes() == b"by hand, by somebody"


def test_a_file_in_a_read_only_place_is_an_error(tmp_path: Path, mounts: list[Path]) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount(mounts, disk, "-t", "tmpfs", "tmpfs")
    (disk / "users.toml").write_bytes(b"old")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(PermissionError, match="is read-only"):
        write_whole(disk / "users.toml", b"new", version_of(disk / "users.toml"))
    with pytest.raises(OSError, match="Read-only file system"):
        write_whole(disk / "other.toml", b"new", None)
    assert (disk / "users.toml").read_bytes() == b"old"


@pytest.mark.parametrize("in_place", [False, True])
def test_on_a_full_disk_the_old_file_stays(tmp_path: Path, mounts: list[Path], in_place: bool) -> None:
    disk, path = tmp_path / "disk", tmp_path / "users.toml"
    disk.mkdir()
    path.touch()
    mount(mounts, disk, "-t", "tmpfs", "-o", "size=64k", "tmpfs")
    (disk / "users.toml").write_bytes(b"old")
    if in_place:
        mount(mounts, path, "--bind", str(disk / "users.toml"))
    else:
        path = disk / "users.toml"
    with suppress(OSError):
        (disk / "ballast").write_bytes(bytes(128 * 1024))
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"n" * 100_000, version_of(path))
    assert path.read_bytes() == b"old"
    assert names(disk) == ["ballast", "users.toml"]


WRITER = """
import sys
from pathlib import Path
from mtg.users_file.writing import version_of, write_whole
path = Path(sys.argv[1])
print(flush=True)
for number in range(10**9):
    write_whole(path, (b"%d\\n" % number) * 2000, version_of(path))
"""


def test_a_process_that_is_killed_while_it_writes_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    path.write_bytes(b"0\n" * 2000)
    for _ in range(5):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        before = version_of(path)
        while version_of(path) == before:
            pass
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        lines = path.read_bytes().splitlines()
        assert (len(lines), len(set(lines))) == (2000, 1)


def test_a_failure_after_the_beginning_in_place_brings_the_old_content_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "users.toml"
    path.write_bytes(b"old content")
    syncs = iter([OSError(5, "Input/output error"), None])

    def fsync(_: int) -> None:
        if (error := next(syncs)) is not None:
            raise error

    seen = version_of(path)
    assert seen is not None
    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output error"):
        writing._write_in_place(path, b"new", seen)
    assert path.read_bytes() == b"old content"
