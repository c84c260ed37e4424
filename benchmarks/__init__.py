"""The proxy's price beside a plain TCP relay's: ``python -m benchmarks`` (see README.md)."""
