"""The `sessions` command: parsing and printing only."""
