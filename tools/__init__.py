"""What the Makefile runs; nothing here is installed. Except for `picture` and `soak`, it only needs Python."""
