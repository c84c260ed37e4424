"""Private. DNS clients over UDP, TLS and HTTPS. `resolver_from_url` makes one."""
