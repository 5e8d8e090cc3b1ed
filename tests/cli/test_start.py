import subprocess
import sys

#: Each of them takes longer than the whole help, or opens what only a command needs.
HEAVY = (
    "prefect",
    "numpy",
    "anthropic",
    "claude_agent_sdk",
    "google",
    "sqlite3",
    "rich.table",
    "sessions.memory",
    "hooks",
)


def test_the_command_starts_without_what_only_some_of_it_need() -> None:
    script = "import sys, cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    loaded = done.stdout.split()
    assert "cli.memory" in loaded
    assert [name for name in HEAVY if name in loaded] == []
