"""The commands, one a file: command-line parsing here, the work in the module of the same name."""
