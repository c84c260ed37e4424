"""The load: Telegram clients and a fake DC, both of which check every byte that reaches them.

They run in processes of their own, so that none of their CPU time is the proxy's. The same peers load
haproxy and ours: through haproxy a client speaks bare obfuscated2 to the fake DC, through ours it wraps that
stream in FakeTLS. So ciphers, chunk sizes, sockets and checks are the same, and what differs is the proxy.
"""
