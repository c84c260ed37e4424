"""What the Makefile runs; nothing here is installed. Most of it needs only Python.

`picture`, `top_picture` and `soak` need what the program and the tests need.
"""
