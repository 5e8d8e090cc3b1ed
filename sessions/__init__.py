"""What a session is and how the outside is reached; no Prefect in it."""
