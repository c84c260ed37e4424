"""The tests' own peers: clients, data centres and sites, written only from the protocol's description.

Nothing here imports mtglib, so that an error of the library can't hide behind the same error in its tests. The
exceptions are ``running_proxy``, which runs the proxy under test, and ``event_samples``. Every server is an
``async with`` context manager that listens on a port of the kernel's choice.
"""
