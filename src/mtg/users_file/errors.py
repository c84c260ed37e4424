"""Why users can't be changed. After each of these, nothing has changed."""

from __future__ import annotations

from mtg.user_error import UserError


class UsersFileError(UserError):
    """The file can't be used: it is broken, read-only, on a full disk, or there is none."""


class UserRefusedError(UserError):
    """The values for a user are invalid; one line for each."""


class UserTakenError(UserError):
    """The name belongs to another user, or to one of the configuration, which can only be changed there."""


class NoSuchUserError(UserError):
    """There is no user of this name."""
