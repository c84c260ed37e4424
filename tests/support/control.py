"""A client of the control API that holds each answer to the API's own description."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from mtg.control.openapi import document
from mtg.control.routes import ROUTES

DESCRIPTION = document(ROUTES)

Address = str | tuple[str, int]
"""The path of a Unix socket, or host and port."""


@dataclass(frozen=True)
class Answer:
    """A whole answer; ``body`` is decoded if it is JSON."""

    status: int
    headers: Mapping[str, str]
    body: Any


async def connect(address: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the API."""
    if isinstance(address, str):
        return await asyncio.open_unix_connection(address, limit=2**26)
    return await asyncio.open_connection(*address, limit=2**26)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request's bytes. In names of headers, underscores are hyphens."""
    given = {"Host": "x", **({"Content-Length": str(len(body))} if body else {})}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


async def say(address: Address, said: bytes) -> bytes:
    """Send these bytes, and return all that comes until the connection ends."""
    reader, writer = await connect(address)
    try:
        writer.write(said)
        return await reader.read()
    finally:
        writer.close()


async def ask(address: Address, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """Ask, and check that the answer is as the API's description says."""
    answer = parse(await say(address, request(method, path, body, **headers)))
    check(method, path, answer)
    return answer


def parse(received: bytes) -> Answer:
    """Take an answer apart."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    is_json = headers.get("content-type", "").startswith("application/json")
    return Answer(int(first.split()[1]), headers, json.loads(body) if is_json and body else body)


def check(method: str, path: str, answer: Answer) -> None:
    """Check an answer against the description of its request; of an unknown request, it has to be an error."""
    schema: dict[str, Any] = {"$ref": "#/components/schemas/Error"}
    for template, operations in DESCRIPTION["paths"].items():
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, path.partition("?")[0]) and method.lower() in operations:
            content = operations[method.lower()]["responses"][str(answer.status)]["content"]
            content_type = answer.headers["content-type"].partition(";")[0]
            assert content_type in content
            if content_type != "application/json":
                return
            schema = content[content_type]["schema"]
    strict = {name: _closed(one) for name, one in DESCRIPTION["components"]["schemas"].items()}
    Draft202012Validator({**schema, "components": {"schemas": strict}}).validate(answer.body)


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, without properties that it doesn't name."""
    return {**schema, "additionalProperties": False} if "properties" in schema else schema


async def read_event(reader: asyncio.StreamReader) -> tuple[str, dict[str, Any]]:
    """The next event of a stream: its name and its data. Chunks' lengths and comments are skipped."""
    name = ""
    while True:
        line = (await reader.readuntil(b"\n")).decode().strip()
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            return name, json.loads(line.removeprefix("data: "))
