"""The process that ``run_in_netns`` starts: calls a function, prints what it returns as the last line, as JSON."""

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
    # Straight out: a client library's threads mustn't be able to hang or crash what is done.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
