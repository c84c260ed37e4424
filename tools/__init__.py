"""What the Makefile runs; nothing here is installed. `toolchain`, `install` and `rust` need the standard library only."""
