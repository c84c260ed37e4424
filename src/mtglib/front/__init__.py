"""Private. Relays visitors, who aren't clients of ours, to the fronting site itself."""
