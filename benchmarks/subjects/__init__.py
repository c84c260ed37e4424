"""The measured proxies: haproxy and ours, each a process that is started for one row and ended after it."""
