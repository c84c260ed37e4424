"""A list that replaces another one reads nothing again that is the same."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from pathlib import Path

import pytest

from mtglib.ipblocklist import FireHOL
from mtglib.network import Direct
from support.eventually import eventually
from support.list_server import ListServer, page, sends

pytestmark = pytest.mark.asyncio

PAGES = {
    "/one": page(b"192.0.2.0/24\n"),
    "/two": page(b"198.51.100.0/24\n"),
    "/broken": sends(b"HTTP/1.1 500 No\r\n\r\n"),
}


def asked(server: ListServer) -> list[str]:
    return [head.split(" ")[1] for head in server.requests]


async def test_sources_that_both_have_are_there_at_once() -> None:
    async with ListServer(PAGES) as server:
        first = FireHOL([server.url("/one"), server.url("/two")], network=Direct())
        await first.update()
        second = FireHOL([server.url("/one"), server.url("/broken")], network=Direct())
        await second.take_over(first)
        assert (second.size, second.contains(ip_address("192.0.2.1"))) == (1, True)
        assert not second.contains(ip_address("198.51.100.1"))

        statuses = await second.update_missing()
        assert [bool(status.problem) for status in statuses] == [False, True]
        assert asked(server).count("/one") == 1
        assert first.size == 2, "it goes on as it is"


async def test_it_is_read_again_when_it_is_due_and_not_when_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text("192.0.2.0/24\n")
    async with ListServer(PAGES) as server:
        first = FireHOL([server.url("/one"), str(path)], network=Direct())
        await first.update()
        second = FireHOL([server.url("/one"), str(path)], network=Direct())
        await second.take_over(first)
        path.write_text("192.0.2.0/24\n198.51.100.0/24\n")
        running = asyncio.create_task(second.run(3600.0))
        third = FireHOL([server.url("/one"), str(path)], network=Direct())
        await third.take_over(second)
        due = asyncio.create_task(third.run(0.001))
        await eventually(lambda: third.size == 3)

        assert second.size == 2
        assert len(asked(server)) > 1
        for ip_list, task in ((second, running), (third, due)):
            await ip_list.shutdown()
            await task
