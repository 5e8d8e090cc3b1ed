import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.check import check_files
from deployments.definitions import load_definitions
from deployments.names import check_display_name, slug_of
from deployments.new import NewSession, write_definition
from sessions.errors import SpecError
from sessions.schedule import CronSchedule, IntervalSchedule, MomentSchedule
from sessions.settings import Settings

NOW = datetime(2026, 11, 3, 12, 0, 0, 5, tzinfo=UTC)


def write(root: Path, **asked: object) -> Path:
    wanted = NewSession.model_validate({"name": "Nightly scan", "prompt": "Look at it."} | asked)
    return write_definition(wanted, Settings(), root=root, now=NOW).definition


@pytest.mark.parametrize(
    ("asked", "schedule"),
    [
        ({}, CronSchedule(cron="0 * * * *")),
        (
            {"preset": "weekdays-9am", "timezone": "Europe/Berlin"},
            CronSchedule(cron="0 9 * * 1-5", timezone="Europe/Berlin"),
        ),
        ({"cron": "*/15 9-17 * * MON"}, CronSchedule(cron="*/15 9-17 * * MON")),
        (
            {"every": "6h", "timezone": "Asia/Tokyo"},
            IntervalSchedule(
                interval=timedelta(hours=6), anchor_date=NOW.replace(microsecond=0), timezone="Asia/Tokyo"
            ),
        ),
        (
            {"at": "2027-01-31T09:00", "timezone": "America/New_York"},
            MomentSchedule(at=datetime(2027, 1, 31, 14, tzinfo=UTC), timezone="America/New_York"),
        ),
    ],
)
def test_what_is_written_passes_the_check_and_is_read_back_as_asked(
    tmp_path: Path, asked: dict[str, object], schedule: CronSchedule
) -> None:
    path = write(tmp_path, **asked)

    assert check_files([path], Settings(), root=tmp_path, now=NOW) == []
    definition = load_definitions(path)[0]
    assert definition.schedules[0].schedule == schedule
    assert definition.schedules[0].slug == "schedule"
    assert (tmp_path / str(definition.parameters["prompt_file"])).read_text(encoding="utf-8") == "Look at it.\n"


def test_parameters_are_written_as_they_were_given(tmp_path: Path) -> None:
    parameters = {
        "model": "claude-haiku-4-5",
        "temperature": 0.2,
        "runner": "anthropic",
        "repos": [{"url": ".", "branch": "main"}],
        "allowed_tools": ["Read", "Bash(git log:*)"],
        "delivery": [{"channel": "telegram", "to": "-1001:topic:4"}],
        "agent": "off",
    }

    path = write(tmp_path, parameters=parameters, description='Says: "hello" # really')

    definition = load_definitions(path)[0]
    assert definition.description == 'Says: "hello" # really'
    assert definition.parameters | parameters == definition.parameters
    assert definition.parameters["max_tokens"] == 4000
    assert definition.parameters["timeout_seconds"] == 300
    # Prefect reads the file with a reader of its own.
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"][0]["parameters"] == definition.parameters


def test_a_new_definition_never_says_active_and_explains_itself(tmp_path: Path) -> None:
    text = write(tmp_path).read_text(encoding="utf-8")

    assert "active" not in text
    assert text.startswith("# Every hour (UTC).\n")
    assert "# what the agent is asked on every run" in text


def test_a_prompt_with_braces_and_many_lines_reaches_the_file_unchanged(tmp_path: Path) -> None:
    write(tmp_path, prompt="# Look\n\n- {{ name }}\n- „quotes“ and \\ and ---\n")

    prompt = tmp_path / "deployments" / "prompts" / "nightly-scan.md"
    assert prompt.read_text(encoding="utf-8") == "# Look\n\n- {{ name }}\n- „quotes“ and \\ and ---\n"


def test_an_existing_prompt_file_is_named_and_not_copied(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text("Look.", encoding="utf-8")

    asked = NewSession(name="Mine", prompt_file="mine.md")
    written = write_definition(asked, Settings(), root=tmp_path, now=NOW)

    assert written.prompt is None
    assert load_definitions(written.definition)[0].parameters["prompt_file"] == "mine.md"


def test_nothing_is_overwritten_neither_a_definition_nor_a_prompt(tmp_path: Path) -> None:
    first = write(tmp_path, prompt="First.")
    with pytest.raises(SpecError, match="is there already"):
        write(tmp_path, prompt="Second.")
    assert (tmp_path / "deployments" / "prompts" / "nightly-scan.md").read_text(encoding="utf-8") == "First.\n"

    first.unlink()
    with pytest.raises(SpecError, match=r"nightly-scan\.md is there already"):
        write(tmp_path, prompt="Third.")
    assert not first.exists()


@pytest.mark.parametrize(
    ("asked", "field", "part"),
    [
        ({"prompt": "  "}, "prompt", "is blank"),
        ({"prompt_file": "gone.md"}, "prompt_file", "give one of them"),
        ({"prompt": "", "prompt_file": "gone.md"}, "parameters.prompt_file", "does not exist"),
        ({"cron": "99 * * * *"}, "cron", "is not a valid minute"),
        ({"preset": "monthly"}, "preset", "there are hourly, daily-9am"),
        ({"cron": "0 * * * *", "every": "6h"}, "every", "are two schedules"),
        ({"every": "often"}, "every", "write 30m"),
        ({"every": "1d", "timezone": "Europe/Berlin"}, "timezone", "counts the time that passes"),
        ({"at": "2037-03-29T02:30", "timezone": "Europe/Berlin"}, "at", "does not exist in Europe/Berlin"),
        ({"every": "30s"}, "every", "'30s' is under a minute"),
        ({"at": "2020-01-01T09:00"}, "at", "is past"),
        ({"timezone": "Mars"}, "timezone", "is not a known time zone"),
        ({"parameters": {"temperature": 1.5}}, "parameters.temperature", "it takes 0 to 1"),
        ({"parameters": {"colour": "red"}}, "parameters.colour", "is not known"),
        ({"description": "{{ x }}"}, "description", "without double braces"),
        ({"name": "x" * 51}, "name", "at most 50"),
        ({"name": "a\nb"}, "name", "control characters"),
        ({"name": "\u200b \u3000"}, "name", "is blank"),
    ],
)
def test_a_wrong_wish_is_refused_and_leaves_nothing_behind(
    tmp_path: Path, asked: dict[str, object], field: str, part: str
) -> None:
    with pytest.raises(SpecError, match=part) as caught:
        write(tmp_path, **asked)

    assert caught.value.field == field
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_name_is_made_of_the_prompt_where_none_is_given(tmp_path: Path) -> None:
    path = write(tmp_path, name="", prompt="Check the links in README.md, every one of them, and more.")

    assert path.name == "check-the-links-in-readme-md-every-one.yaml"
    assert load_definitions(path)[0].description == "Check the links in README.md, every one"


def test_a_made_name_gets_a_number_where_it_is_taken(tmp_path: Path) -> None:
    paths = [write(tmp_path, name="", prompt=prompt) for prompt in ("Check the links.", "Check the links!", "?!", "?!")]

    assert [path.stem for path in paths] == ["check-the-links", "check-the-links-2", "session", "session-2"]
    assert load_definitions(paths[1])[0].tags == ["display-name:Check the links 2"]


def test_the_display_name_is_a_tag_beside_a_description(tmp_path: Path) -> None:
    path = write(tmp_path, name="Morning notes", description="What changed.")

    assert load_definitions(path)[0].tags == ["display-name:Morning notes"]
    assert load_definitions(path)[0].description == "What changed."


def test_a_display_name_that_is_the_name_needs_no_tag(tmp_path: Path) -> None:
    assert load_definitions(write(tmp_path, name="morning-notes"))[0].tags == []


def test_the_display_name_stays_as_the_description(tmp_path: Path) -> None:
    definition = load_definitions(write(tmp_path, name="Nächtlicher Scan №1"))[0]

    assert (definition.name, definition.description) == ("nachtlicher-scan-no1", "Nächtlicher Scan №1")


def test_fifty_code_points_are_a_name_and_fifty_one_are_not() -> None:
    assert check_display_name("🦊" * 50) == "🦊" * 50
    with pytest.raises(SpecError, match="has 51 characters"):
        check_display_name("🦊" * 51)


@given(st.text(min_size=1, max_size=50))
@settings(max_examples=60, deadline=None)
def test_every_display_name_becomes_a_name_that_passes(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    try:
        check_display_name(name)
    except SpecError:
        assert not name.strip() or any(unicodedata.category(character)[0] in "CZ" for character in name)
        return
    root = tmp_path_factory.mktemp("root")
    path = write(root, name=name)

    assert check_files([path], Settings(), root=root, now=NOW) == []
    assert load_definitions(path)[0].name == slug_of(name) == path.stem
