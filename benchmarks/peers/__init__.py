"""The load: Telegram clients and a fake DC, both of which check every byte that reaches them.

They run in their own processes, so that their CPU time isn't counted. The same peers load haproxy and ours: through
haproxy a client speaks bare obfuscated2 to the fake DC, through ours it wraps the same stream in FakeTLS. So ciphers,
chunk sizes, sockets and checks are the same, and only the proxy differs.
"""
