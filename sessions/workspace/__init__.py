"""The repositories an agent works on."""
