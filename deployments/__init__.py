"""Session definitions, and the code that checks and applies them."""
