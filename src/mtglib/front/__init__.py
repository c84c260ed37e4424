"""Private. Relays visitors, which aren't clients of ours, to the fronting site."""
