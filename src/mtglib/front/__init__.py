"""Private. What a visitor who isn't a client of ours is shown: the fronting site itself."""
