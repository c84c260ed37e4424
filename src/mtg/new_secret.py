"""Makes a secret for a host that the user has given."""

from __future__ import annotations

import mtglib
from mtg.config.redaction import shown
from mtg.user_error import EXIT_USAGE, UserError


def new_secret(host: str, argument: str) -> mtglib.Secret:
    """Make a secret; errors call the host `argument`.

    Raises:
        UserError: The host can't be fronted.
    """
    try:
        return mtglib.Secret.generate(host)
    except mtglib.OptionError as error:
        raise UserError(f"{argument}: expected {error.expected}, got {shown(host)}", exit_code=EXIT_USAGE) from None
