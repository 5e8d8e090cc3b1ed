"""Entry points that others call: Prefect's state hooks and the agent's own hooks."""
