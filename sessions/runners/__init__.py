"""What drives a model."""
