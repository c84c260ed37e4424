"""Private. Looking names up at DNS servers: over UDP, TLS and HTTPS. `resolver_from_url` is the way in."""
