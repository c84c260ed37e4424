"""The files that hellos are kept in: what becomes of them when the disk, or somebody, does its worst."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mtglib import OptionError
from mtglib.antireplay.journal import Journal
from mtglib.antireplay.journal_format import HEADER_BYTES, Header, pack_block, pack_header
from mtglib.antireplay.pure import PureReplayMemory

FILE_ENTRIES = 100
FIRST = "hellos-0000000001.seen"


class Life:
    """A process's time with a directory: what it finds, what it adds, what it complains of."""

    def __init__(self, directory: Path, max_entries: int = 8 * FILE_ENTRIES) -> None:
        self.journal = Journal(directory, 8, FILE_ENTRIES, lambda: 1000.0)
        self.memory = self.journal.load(lambda key: PureReplayMemory(key, max_entries))
        self.found = self.memory.added
        self.notes = self.journal.notes

    def sees(self, *data: bytes) -> list[bool]:
        return [self.memory.seen(one, 1000) for one in data]

    def writes(self) -> None:
        self.journal.write(self.memory)


@contextmanager
def life(directory: Path) -> Iterator[Life]:
    living = Life(directory)
    try:
        yield living
        living.writes()
    finally:
        living.journal.close()


def hellos(start: int, end: int) -> list[bytes]:
    return [b"%028d" % number for number in range(start, end)]


def filled(directory: Path, *sizes: int) -> list[bytes]:
    """Write so many hellos in blocks of these sizes; return them."""
    data = hellos(0, sum(sizes))
    with life(directory) as first:
        end = 0
        for size in sizes:
            start, end = end, end + size
            first.sees(*data[start:end])
            first.writes()
    return data


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_directory_and_files_are_for_their_owner_only(tmp_path: Path) -> None:
    filled(tmp_path / "a" / "b", 3)
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "b" / FIRST).stat().st_mode) == 0o600


def test_nothing_is_made_for_nothing(tmp_path: Path) -> None:
    with life(tmp_path / "a"):
        pass
    assert names(tmp_path / "a") == []


def test_a_restart_goes_on_with_the_same_file(tmp_path: Path) -> None:
    for start in range(0, 60, 20):
        with life(tmp_path) as living:
            assert (living.found, living.notes) == (start, [])
            assert all(living.sees(*hellos(0, start)))
            living.sees(*hellos(start, start + 20))
    assert names(tmp_path) == [FIRST]


@pytest.mark.parametrize("length", range(HEADER_BYTES, HEADER_BYTES + 2 * 16 + 8 * 5))
def test_a_torn_end_is_told_once_and_the_rest_is_used(tmp_path: Path, length: int) -> None:
    data = filled(tmp_path, 2, 3)
    os.truncate(tmp_path / FIRST, length)
    ends = {HEADER_BYTES: 0, HEADER_BYTES + 32: 2}
    known = 2 if length >= HEADER_BYTES + 32 else 0

    with life(tmp_path) as second:
        assert second.sees(*data) == [True] * known + [False] * (5 - known)
        assert len(second.notes) == (length not in ends)
    with life(tmp_path) as third:
        assert (third.notes, all(third.sees(*data))) == ([], True)


def test_a_damaged_block_costs_what_is_in_it(tmp_path: Path) -> None:
    data = filled(tmp_path, 2, 3, 4)
    with open(tmp_path / FIRST, "r+b") as file:
        file.seek(HEADER_BYTES + 32 + 20)
        file.write(b"\xff")

    with life(tmp_path) as second:
        assert second.sees(*data) == [True] * 2 + [False] * 3 + [True] * 4
        (note,) = second.notes
        assert note == f"{tmp_path / FIRST}: is damaged or incomplete; the 6 hellos that could be read are used"


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_empty(path: Path) -> None:
    path.touch()


def make_text(path: Path) -> None:
    path.write_text("shopping list\n" * 1000)


def make_directory(path: Path) -> None:
    path.mkdir()


def make_link(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_newer_version(path: Path) -> None:
    path.write_bytes(pack_header(Header(8, 5, bytes(16))).replace(b"\x01", b"\x02", 1))


def make_other_records(path: Path) -> None:
    path.write_bytes(pack_header(Header(16, 5, bytes(16))) + pack_block(bytes(160), 16, 5))


@pytest.mark.parametrize(
    "make",
    [make_fifo, make_empty, make_text, make_directory, make_link, make_newer_version, make_other_records],
)
@pytest.mark.parametrize("number", [0, 5])
def test_what_is_not_ours_is_told_and_left_alone(tmp_path: Path, make: Callable[[Path], None], number: int) -> None:
    ours = hellos(0, 10)
    with life(tmp_path) as first:
        first.sees(*ours)
    foreign = tmp_path / f"hellos-{number:010}.seen"
    make(foreign)
    before = foreign.lstat()

    with life(tmp_path) as second:
        assert all(second.sees(*ours))
        assert [note.partition(": ")[0] for note in second.notes] == [str(foreign)]
        second.sees(*hellos(10, 20))
    with life(tmp_path) as third:
        assert all(third.sees(*hellos(0, 20)))
    assert foreign.lstat().st_ino == before.st_ino
    assert foreign.lstat().st_size == before.st_size


def test_other_names_are_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "hellos-1.seen").write_text("x")
    with life(tmp_path) as first:
        assert first.notes == []


def test_a_huge_file_costs_no_memory_and_no_time(tmp_path: Path) -> None:
    data = filled(tmp_path, 5)
    os.truncate(tmp_path / FIRST, 2**40)
    (tmp_path / "hellos-0000000002.seen").touch()
    os.truncate(tmp_path / "hellos-0000000002.seen", 2**40)

    with life(tmp_path) as second:
        assert all(second.sees(*data))
        assert len(second.notes) == 2


def test_files_of_another_key_are_told_and_deleted(tmp_path: Path) -> None:
    filled(tmp_path / "one", 5)
    filled(tmp_path / "other", 7)
    os.rename(tmp_path / "other" / FIRST, tmp_path / "one" / "hellos-0000000002.seen")

    with life(tmp_path / "one") as later:
        assert (later.found, all(later.sees(*hellos(0, 7)))) == (7, True)
        assert later.notes == [f"{tmp_path / 'one' / FIRST}: was written with another key, so it is deleted"]
    with life(tmp_path / "one") as last:
        assert (last.found, last.notes) == (7, [])


def test_the_oldest_file_goes_with_what_is_in_it(tmp_path: Path) -> None:
    with life(tmp_path) as first:
        for start in range(0, 3000, 50):
            first.sees(*hellos(start, start + 50))
            first.writes()
    assert names(tmp_path)[-1] == "hellos-0000000030.seen"
    assert len(names(tmp_path)) == 8

    with life(tmp_path) as second:
        assert (second.notes, second.found) == ([], 800)
        assert all(second.sees(*hellos(2200, 3000)))


@contextmanager
def full_at(size_bytes: int) -> Iterator[None]:
    """Let no file grow beyond this, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room_bytes", [0, 1, 39, 40, 41, 56, 100, 455, 456, 457, 500, 855])
def test_what_a_full_disk_did_not_take_is_written_later(tmp_path: Path, room_bytes: int) -> None:
    living = Life(tmp_path)
    for start in range(0, 200, 50):
        living.sees(*hellos(start, start + 50))
        with full_at(room_bytes), suppress(OSError):
            living.writes()
    living.sees(*hellos(200, 250))
    with full_at(room_bytes), pytest.raises(OSError, match="File too large"):
        living.writes()
    living.writes()
    living.journal.close()

    with life(tmp_path) as second:
        assert (second.notes, second.found, all(second.sees(*hellos(0, 250)))) == ([], 250, True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_that_is_really_full_takes_all_when_it_has_room_again(small_disk: Path) -> None:
    (small_disk / "other").write_bytes(bytes(60 * 1024))
    with life(small_disk / "a") as first:
        for start in range(0, 600, 60):
            first.sees(*hellos(start, start + 60))
            with suppress(OSError):
                first.writes()
        first.sees(*hellos(600, 610))
        with pytest.raises(OSError, match="No space left"):
            first.writes()
        (small_disk / "other").unlink()
    with life(small_disk / "a") as second:
        assert (second.notes, all(second.sees(*hellos(0, 610)))) == ([], True)


def test_files_that_somebody_deletes_are_written_anew(tmp_path: Path) -> None:
    with life(tmp_path / "a") as first:
        first.sees(*hellos(0, 150))
        first.writes()
        for path in (tmp_path / "a").iterdir():
            path.unlink()
        (tmp_path / "a").rmdir()
        first.sees(*hellos(150, 200))
        first.writes()
    with life(tmp_path / "a") as second:
        assert (second.found, all(second.sees(*hellos(0, 200)))) == (200, True)


def test_a_directory_that_somebody_deletes_before_the_first_hello_is_made_anew(tmp_path: Path) -> None:
    with life(tmp_path / "a") as first:
        (tmp_path / "a").rmdir()
        first.sees(*hellos(0, 5))
        with suppress(OSError):
            first.writes()
        first.writes()
    with life(tmp_path / "a") as second:
        assert all(second.sees(*hellos(0, 5)))


def test_a_directory_that_cannot_be_made_yet_is_made_later(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file")
    with life(tmp_path / "a" / "b") as first:
        first.sees(*hellos(0, 5))
        with pytest.raises(OSError, match="Not a directory"):
            first.writes()
        (tmp_path / "a").unlink()
        first.writes()
    assert first.notes != []
    with life(tmp_path / "a" / "b") as second:
        assert all(second.sees(*hellos(0, 5)))


def test_a_directory_is_one_lifes_at_a_time(tmp_path: Path) -> None:
    with life(tmp_path) as first:
        first.sees(*hellos(0, 5))
        with pytest.raises(OptionError, match="directory"):
            Life(tmp_path)
    with life(tmp_path) as second:
        assert second.found == 5


def let_others_pass(path: Path) -> None:
    """Open pytest's own directories, which are ours alone."""
    for folder in (path, *path.parents):
        if not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o055)


def in_child(work: Callable[[], Sequence[object]], *, user: int) -> str:
    """Run something in a child of another user; return its result's repr."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks of a process with threads
        child = os.fork()
    if child == 0:
        try:
            os.setuid(user)
            os.write(writer, repr(work()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader) as file:
        text = file.read()
    os.waitpid(child, 0)
    return text


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_directory_that_may_only_be_read_is_read(tmp_path: Path) -> None:
    data = filled(tmp_path / "a", 5)
    let_others_pass(tmp_path)
    (tmp_path / "a").chmod(0o555)
    (tmp_path / "a" / FIRST).chmod(0o444)

    def read() -> Sequence[object]:
        living = Life(tmp_path / "a")
        known = all(living.sees(*data))
        living.sees(b"new")
        try:
            living.writes()
        except OSError as error:
            return known, living.notes, type(error).__name__
        return ()

    assert in_child(read, user=65534) == "(True, [], 'PermissionError')"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    filled(tmp_path / "a", 5)
    let_others_pass(tmp_path)
    (tmp_path / "a").chmod(0o777)

    def go_on() -> Sequence[object]:
        living = Life(tmp_path / "a")
        living.sees(b"new")
        living.writes()
        return len(living.notes), "Permission denied" in living.notes[0], names(tmp_path / "a")

    assert in_child(go_on, user=65534) == f"(1, True, {[FIRST, 'hellos-0000000002.seen']})"


def test_a_directory_that_cannot_be_made_is_told_of_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, **_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    missing = tmp_path / "replay"
    (note,) = Life(missing).notes
    assert note.startswith(f"{missing}: can't be used (Read-only file system): ")

    with life(tmp_path) as there:
        assert there.notes == []
