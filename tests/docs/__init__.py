"""That the documentation, its commands and the examples are true."""
