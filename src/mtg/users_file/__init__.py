"""The `users-file`: users that are added, changed and removed while the proxy runs, and that stay over a restart.

`document` edits the file's text, `writing` puts it on the disk, `file` does both and checks the outcome, and `changes`
takes the running proxy along. Every change starts from what is in the file at that moment, so nothing that was written
there by hand is lost: it takes effect with the change.
"""

from __future__ import annotations

from mtg.users_file.changes import UserChanges
from mtg.users_file.errors import NoSuchUserError, UserRefusedError, UsersFileError, UserTakenError
from mtg.users_file.file import UsersFile

__all__ = ["NoSuchUserError", "UserChanges", "UserRefusedError", "UserTakenError", "UsersFile", "UsersFileError"]
