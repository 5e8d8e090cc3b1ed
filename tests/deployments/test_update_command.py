import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from cli.main import app
from sessions.errors import SpecError
from tests.deployments.definition_files import GOOD, changed, write_definition_file, write_repository


@pytest.fixture
def definition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A definition in the working directory, and no server."""
    monkeypatch.chdir(write_repository(tmp_path))
    monkeypatch.setenv("SESSIONS_HOME", str(tmp_path / "home"))
    # The suite's own server may run; nobody listens here.
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    return write_definition_file(tmp_path, changed("    entrypoint", "    tags: [display-name:Old]\n    entrypoint"))


def update(*options: str) -> Result:
    return CliRunner().invoke(app, ["update", "nightly", *options])


def test_every_option_reaches_its_field(definition: Path) -> None:
    done = update(
        *("--name", "New", "--description", "Newer.", "--every", "6h", "--timezone", "Asia/Tokyo"),
        *("--param", "temperature=0.2", "--param", "repos=[]", "--clear", "max_tokens", "--prompt", "Say hi."),
    )
    assert done.exit_code == 0, done.output
    text = definition.read_text(encoding="utf-8")
    for said in ('"display-name:New"', '"Newer."', '"PT6H"', '"Asia/Tokyo"', "temperature: 0.2", "repos: []"):
        assert said in text
    assert "max_tokens" not in text
    assert (definition.parent / "prompts" / "nightly.md").read_text(encoding="utf-8") == "Say hi.\n"
    assert "wrote     deployments/nightly.yaml\nwrote     deployments/prompts/nightly.md\n" in done.output
    assert "no Prefect server answers; run `sessions deploy` when one does" in done.output


def test_fields_are_cleared_to_their_defaults(definition: Path) -> None:
    cleared = [option for field in ("name", "description", "schedule", "temperature") for option in ("--clear", field)]
    assert update(*cleared).exit_code == 0
    text = definition.read_text(encoding="utf-8")
    assert '{cron: "0 * * * *", timezone: Europe/Berlin, slug: "nightly"}' in text
    assert not any(gone in text for gone in ("display-name", "description", "temperature"))


def test_a_prompt_may_be_given_as_a_parameter(definition: Path) -> None:
    assert update("--param", "prompt=Say hi.").exit_code == 0
    assert (definition.parent / "prompts" / "nightly.md").read_text(encoding="utf-8") == "Say hi.\n"
    assert "Say hi." not in definition.read_text(encoding="utf-8")


def test_programs_get_json(definition: Path) -> None:
    said = json.loads(update("--description", "New.", "--json").output)
    assert (said["files"], said["deployed"]) == ([str(definition)], False)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "nothing is to change"),
        (("--clear", "colour"), "--clear colour: is no field; there are name, description, schedule, timezone, prompt"),
        (("--clear", "description", "--description", "x"), "description is both given and cleared"),
        (("--clear", "model", "--param", "model=x"), "model is both given and cleared"),
        (("--clear", "prompt"), "cannot be blank"),
        (("--param", "colour=red"), "colour: is no parameter"),
    ],
)
def test_what_makes_no_sense_is_refused(definition: Path, options: tuple[str, ...], sentence: str) -> None:
    before = definition.read_bytes()
    refused = update(*options)
    assert isinstance(refused.exception, SpecError)
    assert sentence in str(refused.exception)
    assert definition.read_bytes() == before


def test_a_session_that_is_not_defined_here_needs_a_server(definition: Path) -> None:
    definition.write_text(GOOD.replace("nightly", "other"), encoding="utf-8")
    assert "no Prefect server answers" in str(update("--description", "x").exception)
