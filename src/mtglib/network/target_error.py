"""Telling a target that can't be reached from a network that doesn't work."""


class TargetUnreachableError(OSError):
    """The network works and says that this one target can't be reached.

    A `CircuitBreaker` doesn't hold it against the network; a network of your own may raise it, too.
    """
