"""The flows: each reads as a story on one screen."""
