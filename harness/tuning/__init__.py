"""What a host is, and what it is set to."""
