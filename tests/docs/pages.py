"""The documentation's pages, and the blocks of code in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "benchmarks/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "changes").glob("*.md")),
]


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Each block of a language: the page's name with a number, and the code."""
    for page in PAGES:
        found = re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
        for number, code in enumerate(found, start=1):
            yield f"{page.relative_to(ROOT)}-{number}", code


def commands() -> list[str]:
    """All lines of shell that the pages show, without their comments, each once."""
    lines = (line.partition(" #")[0].strip() for _, code in blocks("sh") for line in code.splitlines())
    return list(dict.fromkeys(line for line in lines if line))
