"""The proxy and programs that others wrote: Telegram's own library, web servers, browsers' tools, probers."""
