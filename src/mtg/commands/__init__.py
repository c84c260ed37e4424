"""The commands, one per file: they parse the command line; the module of the same name in `mtg` does the work."""
