"""What the agent sees, what the local stack sets, and where a run's files are."""

from pathlib import Path

from deployments.local_stack import DEFAULT_PORT, api_url, server_environment, worker_environment
from docs.tables import code, table
from sessions import run_folder
from sessions.agent_environment import ALLOWED, PROXIES
from sessions.process_tree import MARKER

_HOME = Path("$SESSIONS_HOME")


def render_agent_environment() -> str:
    """The variables of the worker that an agent and its tools see."""
    names = ", ".join(map(code, [*sorted(ALLOWED | PROXIES), "LC_*"]))
    own = f"a `HOME` of the run's own, git's author, and `{MARKER}`, by which its processes are found"
    seen = f"Of the worker's environment: {names}; and what `SESSIONS_AGENT_ENV` names. Beside them {own}."
    proxies = "A user name and a password in a proxy's address are seen only where that setting names the variable."
    rest = "Claude Code also gets its own switches and the model's address. The model's key is not among them."
    return f"## What the agent's process sees\n\n{seen} {proxies} {rest}"


def render_stack_settings() -> str:
    """The settings of Prefect that `sessions up` makes."""
    text = (
        "`sessions up` sets these of Prefect's own. A server that you run yourself needs the lease storage and the "
        "order of events too; the others suit one machine. `sessions doctor` says what is missing."
    )
    rows = [("server", *row) for row in _rows(server_environment(_HOME, DEFAULT_PORT, {}))]
    rows += [("worker", *row) for row in _rows(worker_environment(_HOME, api_url(DEFAULT_PORT), {}))]
    return "\n\n".join(["## What `sessions up` sets", text, table(("process", "variable", "value"), rows)])


def _rows(environment: dict[str, str]) -> list[tuple[str, str]]:
    return [(code(name), code(given)) for name, given in environment.items()]


def render_run_folder() -> str:
    """A run's own files, as the module that writes them says."""
    said = (run_folder.__doc__ or "").splitlines()
    tree = [line.removeprefix("    ") for line in said if line.startswith("    ")]
    return "\n\n".join(["## A run's files", "```\n" + "\n".join(tree).replace("<home>", str(_HOME)) + "\n```"])
