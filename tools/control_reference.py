"""Writes the reference in docs/control.md: every request and every type of an answer, from the API's own description.

python -m tools.control_reference
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mtg.control.openapi import document, errors_of
from mtg.control.route import Route
from mtg.control.routes import ROUTES

PAGE = Path(__file__).parents[1] / "docs" / "control.md"
BEGIN = "<!-- from here on made by `python -m tools.control_reference` -->\n"


def reference() -> str:
    """Return the part of the page that is made."""
    components: dict[str, Any] = document(ROUTES)["components"]["schemas"]
    lines = ["", "## Requests", ""]
    for route in ROUTES:
        lines += _request(route)
    lines += ["## Types", ""]
    for name, schema in components.items():
        lines += _type(name, schema)
    return "\n".join(lines).rstrip() + "\n"


def _request(route: Route) -> Iterator[str]:
    yield from (f"### `{route.method} {route.path}`", "", f"{route.summary}.", "")
    for where, names in (("path", route.path_help), ("query", route.query_help)):
        yield from (f"- `{name}`, in the {where}: {text}" for name, text in names.items())
    if route.body is not None:
        yield f"- body: {_link(route.body.__name__)}"
    answer = _link(route.answer.__name__) if hasattr(route.answer, "__struct_fields__") else f"`{route.content_type}`"
    others = "".join(f", or `{content_type}`" for content_type in route.other_content_types)
    yield f"- answer: {route.status}, {answer}{others}"
    own = {status: text for status, text in errors_of(route).items() if status in route.errors}
    yield from (f"- {status}: {text}" for status, text in own.items())
    yield ""


def _type(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield from (f"### {name}", "", f"{schema['description']}", "", "| field | type | meaning |", "|---|---|---|")
    for field, described in schema["properties"].items():
        optional = "" if field in schema.get("required", ()) else ", may be missing"
        yield f"| `{field}` | {_kind(described)}{optional} | {described['description']} |"
    yield ""


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if "additionalProperties" in schema:
        return f"object of {_kind(schema['additionalProperties'])}"
    if schema.get("format") == "date-time":
        return "time (RFC 3339)"
    if "enum" in schema:
        return " or ".join(f'`"{one}"`' for one in schema["enum"])
    return str(schema.get("type", "anything"))


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def page(text: str) -> str:
    """Return the page with its made part as it should be."""
    return text.partition(BEGIN)[0] + BEGIN + reference()


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
