"""What a list accepts as options, and when it tries again."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import mtglib
from mtglib.ipblocklist import FireHOL
from mtglib.ipblocklist.firehol import pause_seconds
from mtglib.network import Direct
from unit.recorders import Broken


def test_it_is_a_list() -> None:
    assert isinstance(FireHOL(["/a"], network=Direct()), mtglib.IPBlocklist)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "list.netset",
            "./list",
            "ftp://lists.example/",
            "file:///list",
            "http://",
            "http:///list",
            "https://:443/",
        ),
        *("http://lists.example:99999/", "http://lists.example:0/", "http://a b/", "http://a/\n", "http://[::1/"),
    ],
)
def test_what_is_no_url_and_no_absolute_path_is_refused(url: str) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^urls\[1\]: expected an http\(s\) URL or an absolute path$"):
        FireHOL(["/fine", url], network=Direct())


@pytest.mark.parametrize("urls", [[], (), "http://lists.example/"])
def test_no_sequence_of_urls_is_refused(urls: Any) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^urls: expected a sequence"):
        FireHOL(urls, network=Direct())


def test_a_refusal_repeats_no_password() -> None:
    with pytest.raises(mtglib.OptionError) as raised:
        FireHOL(["htp://me:hunter2@lists.example/"], network=Direct())

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("name", ["download_concurrency", "timeout_seconds", "max_download_bytes", "retry_seconds"])
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_impossible_numbers_are_refused(name: str, value: float) -> None:
    with pytest.raises(mtglib.OptionError, match=f"^{name}: expected a positive number, got {value}"):
        FireHOL(["/a"], network=Direct(), **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
async def test_an_impossible_period_is_refused(value: float) -> None:
    with pytest.raises(mtglib.OptionError, match=r"^update_each_seconds: expected a positive number"):
        await FireHOL(["/a"], network=Direct()).run(value)


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("https://me:hunter2@lists.example:8443/a.netset?token=5#x", "https://lists.example:8443/a.netset"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("/var/lib/a.netset", "/var/lib/a.netset"),
    ],
)
def test_a_label_has_nothing_secret(url: str, label: str) -> None:
    (source,) = FireHOL([url], network=Direct()).sources

    assert source.label == label


def test_failures_are_tried_again_after_ever_longer_times() -> None:
    assert [pause_seconds(3600, 60, failures) for failures in (0, 1, 2, 3, 6, 7, 10**6)] == [
        *(3600, 60, 120, 240, 1920, 3600, 3600)
    ]
    assert pause_seconds(30, 60, 1) == 30, "never later than without a failure"


async def test_parts_that_raise_do_no_harm(tmp_path: Path) -> None:
    (path := tmp_path / "list").write_text("192.0.2.0/24\n")
    broken: Any = Broken()
    found = FireHOL([str(path), "http://lists.example/"], network=broken, event_stream=broken, logger=broken)

    good, bad = await found.update()

    assert (found.size, good.problem, bad.problem) == (1, "", "this part is broken")
