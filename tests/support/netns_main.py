"""The process that ``run_in_netns`` starts: it calls a function, and prints the result as JSON on the last line."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import sys


def main(target: str, arguments: str) -> None:
    """Call ``module:function`` with the JSON object's entries as keyword arguments."""
    module, _, name = target.partition(":")
    result = getattr(importlib.import_module(module), name)(**json.loads(arguments))
    if inspect.iscoroutine(result):
        result = asyncio.run(result)
    sys.stdout.write("\n" + json.dumps(result) + "\n")
    sys.stdout.flush()
    # Exit immediately: threads of a client library mustn't hang or crash a process that is done.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
