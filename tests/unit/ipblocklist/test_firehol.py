"""What a list accepts as options."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import mtglib
from mtglib.ipblocklist import FireHOL
from mtglib.network import Direct
from mtglib.noop import NoopEventStream, NoopLogger
from unit.recorders import Broken


def test_it_is_a_list() -> None:
    assert isinstance(FireHOL(["/a"], network=Direct()), mtglib.IPBlocklist)


@pytest.mark.parametrize(
    "url",
    [
        *("", "list.netset", "./list", " /list", "ftp://lists.example/", "file:///list", "https:/list"),
        *("http://", "http:///list", "https://:443/", "http://lists.example:99999/", "http://lists.example:0/"),
        *("http://a b/", "http://a/\n", "http://[::1/", "http://\udc80/"),
    ],
)
def test_what_is_no_url_and_no_absolute_path_is_refused(url: str) -> None:
    with pytest.raises(
        mtglib.OptionError, match=r"^urls\[1\]: expected (an http\(s\) URL or an abs|at most 2000 ASCII|a port from 1)"
    ):
        FireHOL(["/fine", url], network=Direct())


@pytest.mark.parametrize("path", ["/etc/a.netset\n", "/etc/\0", "/etc/a\tb", "/\x7f"])
def test_a_path_with_a_slip_is_refused(path: str) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^urls\[2\]: expected an absolute path without control characters$"):
        FireHOL(["/fine", "/fine", path], network=Direct())


@pytest.mark.parametrize("urls", [[], (), "http://lists.example/", b"/a", {"/a"}, {"/a": 1}, iter(["/a"]), None, 5])
def test_no_sequence_of_urls_is_refused(urls: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^urls: expected a list of URLs and absolute paths, got \w"):
        FireHOL(urls, network=Direct())


@pytest.mark.parametrize("url", [Path("/a"), b"/a", None, 5, ["/a"]])
def test_what_is_no_string_is_refused(url: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^urls\[1\]: expected a str, got \w+$"):
        FireHOL(["/a", url], network=Direct())


def test_a_refusal_repeats_no_password() -> None:
    for url in ("htp://me:hunter2@lists.example/", "http://me:hunter2@", "http://me:hunter2@[/"):
        with pytest.raises(mtglib.OptionError) as raised:
            FireHOL([url], network=Direct())

        assert "hunter2" not in f"{raised.value!r} {raised.value.__cause__!r}"
        assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, 4e8, 10**400, "5", None, True])
def test_no_time_to_wait_is_refused(value: Any) -> None:
    expected = r"expected seconds above 0, up to 31536000 \(a year\)"
    for name in ("timeout_seconds", "retry_seconds"):
        with pytest.raises(mtglib.OptionError, match=f"^{name}: {expected}") as raised:
            FireHOL(["/a"], network=Direct(), **{name: value})
        assert raised.value.field == name


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "5", None, True])
async def test_no_period_is_refused(value: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^update_each_seconds: expected seconds above 0"):
        await FireHOL(["/a"], network=Direct()).run(value)


@pytest.mark.parametrize(("name", "most"), [("download_concurrency", 1000), ("max_download_bytes", 2**30)])
def test_no_number_is_refused(name: str, most: int) -> None:
    for value in (0, -1, most + 1, 2.0, math.nan, "2", None, True):
        with pytest.raises(mtglib.OptionError, match=f"^{name}: expected a whole number from 1 to {most}"):
            FireHOL(["/a"], network=Direct(), **{name: value})  # type: ignore[arg-type]
    for value in (1, most):
        FireHOL(["/a"], network=Direct(), **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, 1, None, "yes"])
def test_no_kind_of_list_is_refused(value: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^is_block_list: expected True or False"):
        FireHOL(["/a"], network=Direct(), is_block_list=value)


@pytest.mark.parametrize("value", ["", b"/a", 5, True, "/a\0b"])
def test_no_folder_is_refused(value: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^cache_directory: expected the path of a directory, or None, got "):
        FireHOL(["/a"], network=Direct(), cache_directory=value)


@pytest.mark.parametrize(
    ("name", "methods", "its_class"),
    [
        ("network", "dial, http_client", Direct),
        ("event_stream", "send", NoopEventStream),
        ("logger", "bind, debug, info", NoopLogger),
    ],
)
def test_no_part_is_refused(name: str, methods: str, its_class: type) -> None:
    for value in (5, object(), its_class, "text"):
        arguments: dict[str, Any] = {"network": Direct(), name: value}
        with pytest.raises(mtglib.OptionError, match=f"^{name}: expected an object with {methods}"):
            FireHOL(["/a"], **arguments)


async def test_parts_that_raise_do_no_harm(tmp_path: Path) -> None:
    (path := tmp_path / "list").write_text("192.0.2.0/24\n")
    broken: Any = Broken()
    found = FireHOL([str(path), "http://lists.example/"], network=broken, event_stream=broken, logger=broken)

    good, bad = await found.update()

    assert (found.size, good.problem, bad.problem) == (1, "", "this part is broken")
