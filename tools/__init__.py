"""What the Makefile runs; nothing here is installed. But for `picture` and `soak`, it needs Python alone."""
