"""The tests' own peers: clients, data centres and sites, written from the protocol's description alone.

Nothing here imports mtglib, so that an error of the library can't hide behind the same error in its tests;
only ``running_proxy`` does, since it runs what is tested.
Every server is an ``async with`` context manager that listens on a port of the kernel's choice.
"""
