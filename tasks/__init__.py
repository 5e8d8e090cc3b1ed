"""One step of a flow each, with its retries and its log line; no decisions."""
