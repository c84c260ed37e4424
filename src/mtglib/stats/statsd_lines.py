"""Lines of statsd's protocol, with tags in three dialects.

| tag format | a line |
|---|---|
| datadog | `name:value|type|#tag:value,tag:value` |
| influxdb | `name,tag=value,tag=value:value|type` |
| graphite | `name;tag=value;tag=value:value|type` |
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, TypeAlias

from .metrics import Labels

TagFormat: TypeAlias = Literal["datadog", "influxdb", "graphite"]
Line: TypeAlias = Callable[[str, str, str, Labels, Labels], bytes]
"""(name, value, type, tag names, tag values) -> a line without its end."""

# Characters that have a meaning in any dialect. A colon is fine for datadog; elsewhere it would end the name, and IPv6
# addresses contain several.
_UNFIT = re.compile(r"[^A-Za-z0-9_./-]")
_UNFIT_FOR_DATADOG = re.compile(r"[^A-Za-z0-9_./:-]")


def _datadog(name: str, value: str, kind: str, tags: Labels, values: Labels) -> bytes:
    pairs = ",".join(f"{tag}:{_UNFIT_FOR_DATADOG.sub('-', of_tag)}" for tag, of_tag in zip(tags, values, strict=True))
    return f"{name}:{value}|{kind}{'|#' if pairs else ''}{pairs}".encode("ascii")


def _influxdb(name: str, value: str, kind: str, tags: Labels, values: Labels) -> bytes:
    return _in_name(",", name, value, kind, tags, values)


def _graphite(name: str, value: str, kind: str, tags: Labels, values: Labels) -> bytes:
    return _in_name(";", name, value, kind, tags, values)


def _in_name(mark: str, name: str, value: str, kind: str, tags: Labels, values: Labels) -> bytes:
    pairs = "".join(f"{mark}{tag}={_UNFIT.sub('-', of_tag)}" for tag, of_tag in zip(tags, values, strict=True))
    return f"{name}{pairs}:{value}|{kind}".encode("ascii")


LINES: dict[str, Line] = {"datadog": _datadog, "influxdb": _influxdb, "graphite": _graphite}
