"""OpenClaw's cron jobs: read into session definitions, and written back. Its rules are those of version 2026.2.17."""
