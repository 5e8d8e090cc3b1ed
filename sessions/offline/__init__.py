"""A loopback server that speaks the Messages API from a script."""
