"""One real Prefect for the whole suite: server, process worker, definitions, and a model that the runs can reach."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prefect.client.orchestration import SyncPrefectClient
from pydantic import JsonValue

from deployments.bring_up import RunningStack, StackOptions, run_stack
from deployments.definitions import Definition
from sessions.offline import open_offline_model
from sessions.offline.request import ApiRequest, read_request
from sessions.offline.running import OfflineModel
from sessions.run_folder import RunFolder, read_record, runs_folder
from tests.fakes.obedient import obedient_script

CHECKOUT = Path(__file__).resolve().parent.parent.parent
ENTRYPOINT = "flows/scheduled_session.py:scheduled_session"
SESSION = "night-watch"
COMMAND_SECONDS = 60


def a_definition(name: str, *, pool: str = "sessions", cron: str = "0 2 * * *", **parameters: JsonValue) -> Definition:
    """A definition with a schedule that is not due while the tests run, and the light runner."""
    given: dict[str, JsonValue] = {"prompt": "RUN: echo green", "runner": "anthropic", "allowed_tools": ["Bash"]}
    return Definition.model_validate(
        {
            "name": name,
            "entrypoint": ENTRYPOINT,
            "schedules": [{"cron": cron, "timezone": "Europe/Berlin", "slug": "nightly"}],
            "concurrency_limit": {"limit": 1, "collision_strategy": "CANCEL_NEW"},
            "work_pool": {"name": pool},
            "parameters": given | parameters,
        }
    )


@dataclass(frozen=True)
class Stack:
    """Where everything is. `environment` is what the worker's runs see."""

    url: str
    home: Path
    root: Path
    model: OfflineModel
    running: RunningStack
    environment: dict[str, str]

    def client(self) -> SyncPrefectClient:
        """A client of the server, whatever this process's settings say."""
        return SyncPrefectClient(self.url)

    def folder(self, run_id: object) -> RunFolder:
        """The folder of a run of the worker."""
        path = runs_folder(self.home) / str(run_id)
        return RunFolder(path, read_record(path))

    def asked(self, words: str) -> list[ApiRequest]:
        """What agents asked the model in runs whose prompt holds `words`."""
        bodies = [request.body for request in self.model.requests if request.body.get("tools")]
        return [request for request in map(read_request, bodies) if words in request.prompt]

    def command(
        self, name: str, *arguments: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run `sessions` or `prefect` as a person in the checkout would, with the stack's home and server."""
        return subprocess.run(
            [Path(sys.executable).with_name(name), *arguments],
            cwd=self.root,
            env=self.environment | {"PREFECT_API_URL": self.url} | environment,
            capture_output=True,
            text=True,
            check=check,
            timeout=COMMAND_SECONDS,
        )


def environment_of_runs(home: Path, model: OfflineModel) -> dict[str, str]:
    """What the worker's runs see."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_LOGGING")},
        "SESSIONS_HOME": str(home),
        "ANTHROPIC_BASE_URL": model.base_url,
        "ANTHROPIC_API_KEY": "sk-of-the-stack",
        "GOOGLE_GEMINI_BASE_URL": model.base_url,
        "GEMINI_API_KEY": "gk-of-the-stack",
        "SESSIONS_MODEL_RETRIES": "0",
        "SESSIONS_DELIVERY_RETRY_SECONDS": "0",
    }


@contextmanager
def run_test_stack(folder: Path, extra: Sequence[Definition] = ()) -> Iterator[Stack]:
    """The stack in `folder`, stopped by its process ids at the end."""
    home, root = folder / "home", folder / "root"
    root.mkdir()
    (root / "flows").symlink_to(CHECKOUT / "flows")
    with open_offline_model(obedient_script()) as model:
        environment = environment_of_runs(home, model)
        definitions = [a_definition(SESSION), *extra]
        options = StackOptions(home=home, port=0, root=root, definitions=definitions, environment=environment)
        with run_stack(options, say=lambda _: None) as running:
            yield Stack(running.address.api_url, home, root, model, running, environment)
