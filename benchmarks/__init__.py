"""What the proxy costs, compared with a plain TCP relay: ``python -m benchmarks`` (see README.md)."""
