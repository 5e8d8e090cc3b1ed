"""The documentation, and what is generated of it."""
