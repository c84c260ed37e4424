"""What is measured: haproxy and our proxy, each a process that is started for one row and ended after it."""
