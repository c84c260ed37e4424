"""The command line. Here every error becomes a line for the user; tracebacks are for developers.

Commands import what they need when they run: `mtg --help` must not wait for an event loop to be imported.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import rich_click as click

from mtg.commands.access import access
from mtg.commands.connections import connections
from mtg.commands.generate_secret import generate_secret
from mtg.commands.parameters import examples
from mtg.commands.quickstart import quickstart
from mtg.commands.reload import reload
from mtg.commands.run import run
from mtg.commands.simple_run import simple_run
from mtg.commands.status import status
from mtg.commands.top import top
from mtg.commands.users import users
from mtg.user_error import EXIT_RUNTIME, UserError

TRACEBACK_VARIABLE = "MTG_TRACEBACK"
"""Set it to see where an internal error comes from."""

_EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells expect."""


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    import platform

    import mtg
    import mtglib

    click.echo(f"mtg {mtg.__version__} (Python {platform.python_version()}, engine {mtglib.engine_description()})")
    context.exit()


class _Program(click.RichGroup):
    """A group of commands whose errors quote no secret that was given in the wrong place."""

    _arguments: tuple[str, ...] = ()

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> Any:
        """Parse the options of the program itself."""
        self._arguments = tuple(args)
        with _quoting_no_secret(self._arguments):
            return super().make_context(info_name, args, *more, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Parse the command and its arguments, and run it."""
        try:
            with _quoting_no_secret(self._arguments):
                return super().invoke(ctx)
        except KeyboardInterrupt:  # click would say that it was aborted, and exit with 1
            sys.exit(_EXIT_INTERRUPTED)


@contextmanager
def _quoting_no_secret(arguments: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except click.UsageError as failure:
        from mtg.config.redaction import redact

        message = failure.message
        # An option is quoted only as far as its first equals sign.
        quoted = re.findall(r"['\"](.+?)['\"]", message)
        whole = [argument for argument in arguments if any(argument.startswith(piece) for piece in quoted)]
        if redact(message) == message and "***" not in map(redact, whole):
            raise
        before_the_quote = re.split(r"['\"(]", message)[0]
        text = failure.format_message().replace(message, f"{before_the_quote}***")
        raise click.UsageError(text, failure.ctx) from None


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "mtg quickstart",
        "mtg generate-secret www.example.com",
        "mtg run /etc/mtg.toml",
        "mtg access /etc/mtg.toml",
    ),
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the versions of mtg and Python, and the relay engine.",
)
def cli() -> None:
    """An MTPROTO proxy for Telegram that looks like a web site to everybody else."""


for command in (quickstart, generate_secret, access, run, simple_run, status, top, connections, users, reload):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the program and exit.

    The code is 0, 1 for errors of the machine, 2 for errors of the user, or 3 if a running proxy is asked and none is.
    """
    _open_standard_streams()
    try:
        cli(prog_name="mtg")
    except UserError as failure:
        for line in failure.lines:
            _complain(line)
        sys.exit(failure.exit_code)
    except KeyboardInterrupt:
        sys.exit(_EXIT_INTERRUPTED)
    except OSError as error:  # errors in the user's input are UserErrors, so this is the output
        _complain(f"can't write the output: {error.strerror or error}")
        sys.exit(EXIT_RUNTIME)
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        from mtg.config.redaction import redact

        _complain(f"internal error: {type(error).__name__}: {redact(str(error))} ({TRACEBACK_VARIABLE}=1 says where)")
        sys.exit(EXIT_RUNTIME)
    sys.exit(0)


def _complain(line: str) -> None:
    with suppress(OSError):  # a full disk: at least there is the exit code
        print(f"mtg: {line}", file=sys.stderr)


def _open_standard_streams() -> None:
    """Open /dev/null in place of stdin, stdout or stderr if the program was started without them.

    Otherwise the first sockets would get their numbers, and text for stderr would go to someone's connection.
    """
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor <= 2:
        descriptor = os.open(os.devnull, os.O_RDWR)
    os.close(descriptor)
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115
