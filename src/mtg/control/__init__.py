"""The running program, asked and changed over HTTP: on a Unix socket, and on TCP if the configuration says so.

`settings` and `observed` belong to every program that can be controlled, and `service` waits for clients. The other
modules need aiohttp, and are imported when the first client comes. `routes` lists all requests; their handlers are in
`handlers`, one file for each group, and `schemas` has the types of their answers.
"""

from __future__ import annotations
