"""Writes docs/api.md, the reference of everything public, from the docstrings: `python -m tools.api_reference`.

It reads the sources and imports nothing: signatures, values and bounds stand on the page as they stand there. Only a
default that is a constant's name becomes the constant's value.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "api.md"
_PARTS = ("antireplay", "events", "ipblocklist", "logger", "network", "noop", "stats")
PACKAGES = ("mtglib", *(f"mtglib.{part}" for part in _PARTS))

_INTRODUCTION = """# What is public

All that an embedder can rely on: the names of `mtglib` and of its packages of parts. What isn't on this page may
change at any time. [embedding.md](embedding.md) explains how they go together.

This page is written by `python -m tools.api_reference` from the docstrings; a test fails where it is stale.
"""
_SECTION = re.compile(r"(Args|Attributes|Returns|Raises):")
_Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Definition(NamedTuple):
    """Where a public name is defined, and the docstring after it if it is a constant or an alias."""

    name: str
    node: ast.stmt
    path: Path
    text: str


def render() -> str:
    """Make the page."""
    return "\n".join([_INTRODUCTION, *(line for package in PACKAGES for line in _package(package))]).rstrip() + "\n"


def public_names(package: str) -> list[str]:
    """Return a package's public names: its `__all__`, or all its classes."""
    tree = _tree(_file(package))
    for node in tree.body:
        if isinstance(node, ast.Assign) and _target(node) == "__all__":
            return sorted(ast.literal_eval(node.value), key=lambda name: (name.isupper(), name))
    return sorted(node.name for node in tree.body if isinstance(node, ast.ClassDef))


def _package(package: str) -> Iterator[str]:
    yield f"\n## {package}\n"
    yield _text(ast.get_docstring(_tree(_file(package))) or "").partition("\n\n")[0]
    for name in public_names(package):
        yield from _definition(_find(_file(package), name))


def _file(module: str) -> Path:
    path = ROOT.joinpath("src", *module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _find(path: Path, name: str) -> Definition:
    """Find the definition of a name, following imports from module to module."""
    tree = _tree(path)
    for node, following in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.ImportFrom) and node.level and any(name == alias.name for alias in node.names):
            return _find(_imported(path, node), name)
        is_it = isinstance(node, ast.ClassDef | _Function) and node.name == name
        if is_it or _target(node) == name:
            return Definition(name, node, path, _docstring_of_an_assignment(following))
    raise LookupError(f"{path} doesn't have {name}")


def _imported(path: Path, node: ast.ImportFrom) -> Path:
    """Return the file of the module from which a relative import takes its names."""
    place = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _target(node: ast.stmt) -> str:
    """Return the name that is assigned to, or "" if it isn't an assignment."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return targets[0].id if targets and isinstance(targets[0], ast.Name) else ""


def _docstring_of_an_assignment(node: ast.stmt | None) -> str:
    value = node.value if isinstance(node, ast.Expr) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


def _definition(found: Definition) -> Iterator[str]:
    yield f"\n### {found.name}\n"
    if isinstance(found.node, ast.ClassDef):
        yield from _class(found.node, found.path)
    elif isinstance(found.node, _Function):
        yield f"`{_header(found.node, found.path)}`\n"
        yield _text(ast.get_docstring(found.node) or "")
    else:
        yield f"`{_source(found.path, found.node)}`\n"
        yield _text(found.text)


def _class(node: ast.ClassDef, path: Path) -> Iterator[str]:
    made = next((one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None)
    bases = [ast.unparse(base) for base in node.bases]
    if made is not None:
        yield f"`{node.name}{_header(made, path).removeprefix('__init__').removesuffix(' -> None')}`"
    if bases:
        yield "An interface." if bases[-1] == "Protocol" else f"Base: `{', '.join(bases)}`."
    yield ""
    yield from _with_fields(_text(ast.get_docstring(node) or ""), dict(_fields(node, path)))
    for one in node.body:
        if isinstance(one, _Function) and not one.name.startswith("_"):
            kinds = {ast.unparse(decorator) for decorator in one.decorator_list} & {"property", "classmethod"}
            header = re.sub(r"^(async )?", rf"\g<1>{node.name}.", _header(one, path))
            yield f"\n`{header}`{''.join(f' ({kind})' for kind in kinds)}\n"
            yield _text(ast.get_docstring(one) or "")


def _fields(node: ast.ClassDef, path: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Give for a dataclass's field, or an enumeration's member, its declaration and its docstring."""
    for one, following in zip(node.body, [*node.body[1:], None], strict=True):
        name = _target(one)
        if name and not name.startswith("_"):
            value = one.value if isinstance(one, ast.AnnAssign) else None
            declared = _with_values(_source(path, one), [value] if value else [], path)
            yield name, (declared, _flat(_docstring_of_an_assignment(following)))


def _with_fields(text: str, fields: dict[str, tuple[str, str]]) -> Iterator[str]:
    """Replace names in the docstring's list with their declarations, and add those that it lacks."""
    for line in text.splitlines():
        head, colon, rest = line.partition(": ")
        if head.startswith("- "):
            for name in re.findall(r"`(\w+)`", head):
                head = head.replace(f"`{name}`", f"`{fields.pop(name, (name, ''))[0]}`")
        yield head + colon + rest
    if fields:
        yield ""
    for declared, said in fields.values():
        yield f"- `{declared}`" + (f": {said}" if said else "")


def _header(node: _Function, path: Path) -> str:
    """Return a function's line, from its name on, without `self`."""
    lines = path.read_text().splitlines()[node.lineno - 1 : node.body[0].lineno]
    whole = _flat(" ".join(line.partition("  #")[0] for line in lines))
    text = whole.partition("def ")[2]
    text = text[: _end_of_header(text)].replace("( ", "(").replace(", )", ")").replace(" )", ")")
    text = re.sub(r"\((self|cls)(, )?", "(", text, count=1)
    defaults = [default for default in (*node.args.defaults, *node.args.kw_defaults) if default is not None]
    text = _with_values(text, defaults, path)
    return ("async " if isinstance(node, ast.AsyncFunctionDef) else "") + text


def _end_of_header(text: str) -> int:
    """Return the position of the colon that isn't in brackets."""
    depth = 0
    for position, char in enumerate(text):
        depth += (char in "([{") - (char in ")]}")
        if char == ":" and depth == 0:
            return position
    return len(text)


def _with_values(declared: str, defaults: Iterable[ast.expr], path: Path) -> str:
    """Put values where a declaration has constants' names as defaults, or a dataclass's `field(...)`."""
    for default in defaults:
        declared = declared.replace(f" = {_source(path, default)}", _default(default, path), 1)
    return declared


def _default(node: ast.expr, path: Path) -> str:
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "field":
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        if "default_factory" in given:
            return f" = {_source(path, given['default_factory'])}()"
        return _default(given["default"], path) if "default" in given else ""
    constant = _constant(node, path)
    value = _source(path, node) if constant is None else constant
    return " = ..." if value == "object()" else f" = {value}"


def _constant(node: ast.expr, path: Path) -> str | None:
    """Return the value of a constant of this module, or of another, named `constants.NAME` or imported by its name."""
    place, name = path, node.id if isinstance(node, ast.Name) else ""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        place, name = path.with_name(f"{node.value.id}.py"), node.attr
    try:
        found = _find(place, name)
    except (LookupError, FileNotFoundError):  # None, or a name of the standard library
        return None
    value = found.node.value if isinstance(found.node, ast.Assign | ast.AnnAssign) else None
    return None if value is None else _source(found.path, value)


def _source(path: Path, node: ast.AST) -> str:
    return _flat(ast.get_source_segment(path.read_text(), node) or "")


def _flat(text: str) -> str:
    return " ".join(text.split())


def _text(docstring: str) -> str:
    """Make Markdown of a docstring: sections become lists."""
    lines: list[str] = []
    section = ""
    for line in docstring.splitlines():
        if match := _SECTION.fullmatch(line):
            section = match[1]
            lines += [f"{section}:", ""]
        elif section and line.startswith("    "):
            _add_to_list(lines, line[4:])
        else:
            section = "" if line else section
            lines.append(line)
    return "\n".join(re.sub(r"^- ((?:\w+, )*\w+): ", _in_backticks, line) for line in lines).strip()


def _add_to_list(lines: list[str], line: str) -> None:
    """Add an entry, or continue the last one: a continuation is indented or has no colon."""
    begins = not line.startswith(" ") and (not lines[-1] or ": " in lines[-1])
    if begins:
        lines.append(f"- {line}")
    else:
        lines[-1] += f" {line.strip()}"


def _in_backticks(names: re.Match[str]) -> str:
    return f"- {', '.join(f'`{name}`' for name in names[1].split(', '))}: "


def main() -> None:
    """Write the page."""
    PAGE.write_text(render())


if __name__ == "__main__":
    main()
