"""The whole path of a connection, over both relays, against the tests' own clients, data centres and sites."""
