import difflib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue

from deployments.changes import SessionUpdate
from deployments.new import NewSession, write_definition
from deployments.update import NO_SERVER, Updated, update_session
from deployments.writing import written
from sessions.errors import ServerError, SpecError
from sessions.settings import Settings
from tests.deployments.definition_files import GOOD, changed, write_definition_file, write_repository

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
COMMENTED = """\
# The night's work.
deployments:
  - name: nightly   # its name
    description: Looks at the code.
    entrypoint: flows/scheduled_session.py:scheduled_session
    schedules:
      # Before anybody is up.
      - cron: "0 2 * * *"  # at two
        timezone: Europe/Berlin
        slug: "nightly"
    concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}
    work_pool: {name: nobody}
    parameters:
      prompt_file: deployments/prompts/nightly.md
      # Cold, so that it is the same every night.
      temperature: 0.2   # Claude takes 0 to 1
      repos:   # what it works on
        - url: .
          branch: main

      max_tokens: 4000
# The end.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "repository").mkdir()
    return write_repository(tmp_path / "repository")


async def update(root: Path, **fields: JsonValue) -> Updated:
    asked = SessionUpdate.model_validate(fields)
    return await update_session("nightly", asked, client=None, settings=Settings(), root=root, now=NOW)


async def changed_lines(root: Path, text: str = COMMENTED, **fields: JsonValue) -> list[str]:
    """What an update makes of a definition: the lines that went, with `-`, and those that came, with `+`."""
    path = write_definition_file(root, text)
    await update(root, **fields)
    difference = difflib.unified_diff(text.splitlines(), path.read_text(encoding="utf-8").splitlines(), n=0)
    return [line for line in difference if not line.startswith(("---", "+++", "@@"))]


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        (
            {"parameters": {"temperature": 0.5}},
            [
                "-      temperature: 0.2   # Claude takes 0 to 1",
                "+      temperature: 0.5   # Claude takes 0 to 1",
            ],
        ),
        ({"parameters": {"temperature": None}}, ["-      temperature: 0.2   # Claude takes 0 to 1"]),
        ({"parameters": {"max_turns": 9}}, ["+      max_turns: 9"]),
        (
            {"parameters": {"repos": []}},
            [
                "-      repos:   # what it works on",
                "-        - url: .",
                "-          branch: main",
                "+      repos: []   # what it works on",
            ],
        ),
        (
            {"cron": "30 4 * * 1-5"},
            ['-      - cron: "0 2 * * *"  # at two', '+      - cron: "30 4 * * 1-5"  # at two'],
        ),
        ({"timezone": "Asia/Tokyo"}, ["-        timezone: Europe/Berlin", '+        timezone: "Asia/Tokyo"']),
        ({"timezone": None}, ["-        timezone: Europe/Berlin"]),
        (
            {"every": "6h"},
            [
                '-      - cron: "0 2 * * *"  # at two',
                "-        timezone: Europe/Berlin",
                '+      - interval: "PT6H"',
                '+        anchor_date: "2026-11-20T12:00:00+00:00"',
            ],
        ),
        (
            {"at": "2027-01-31T09:00"},
            [
                '-      - cron: "0 2 * * *"  # at two',
                '+      - rrule: "DTSTART:20270131T090000\\nRRULE:FREQ=DAILY;COUNT=1"',
            ],
        ),
        ({"preset": None}, ['-      - cron: "0 2 * * *"  # at two', '+      - cron: "0 * * * *"  # at two']),
        ({"description": "New."}, ["-    description: Looks at the code.", '+    description: "New."']),
        ({"description": None}, ["-    description: Looks at the code."]),
        ({"name": "Night watch"}, ['+    tags: ["display-name:Night watch"]']),
    ],
    ids=str,
)
async def test_only_the_lines_of_what_changes_are_touched(
    root: Path, fields: dict[str, JsonValue], lines: list[str]
) -> None:
    assert await changed_lines(root, **fields) == lines


async def test_any_combination_of_fields_changes_at_once(root: Path) -> None:
    lines = await changed_lines(
        root,
        name="Night watch",
        description="New.",
        cron="5 5 * * *",
        timezone="UTC",
        parameters={"temperature": 0.9, "max_tokens": None, "model": "claude-haiku-4-5"},
    )
    assert [line for line in lines if line.startswith("+")] == [
        '+    description: "New."',
        '+    tags: ["display-name:Night watch"]',
        '+      - cron: "5 5 * * *"  # at two',
        '+        timezone: "UTC"',
        "+      temperature: 0.9   # Claude takes 0 to 1",
        '+      model: "claude-haiku-4-5"',
    ]


async def test_a_display_name_is_replaced_and_taken_back(root: Path) -> None:
    tagged = changed("    entrypoint", '    tags: ["team:a", "display-name:Old"]\n    entrypoint', COMMENTED)
    replaced = await changed_lines(root, tagged, name="New")
    assert replaced[1] == '+    tags: ["team:a", "display-name:New"]'
    assert (await changed_lines(root, tagged, name=None))[1] == '+    tags: ["team:a"]'


async def test_a_schedule_on_one_line_stays_on_one_line(root: Path) -> None:
    lines = await changed_lines(root, GOOD, every="1d", timezone="UTC")
    assert lines[1:] == [
        '+      - {interval: "P1D", anchor_date: "2026-11-20T12:00:00+00:00", timezone: "UTC", slug: "nightly"}'
    ]


async def test_of_several_schedules_the_one_that_is_named_changes(root: Path) -> None:
    two = changed(
        '        slug: "nightly"\n', '        slug: "nightly"\n      - {cron: "0 8 * * *", slug: morning}\n', COMMENTED
    )
    with pytest.raises(SpecError, match="2 schedules; name one by its slug: nightly, morning"):
        await changed_lines(root, two, cron="0 9 * * *")
    with pytest.raises(SpecError, match="no schedule has the slug 'noon'; there are nightly, morning"):
        await changed_lines(root, two, cron="0 9 * * *", slug="noon")
    assert (await changed_lines(root, two, cron="0 9 * * *", slug="morning"))[1:] == [
        '+      - {cron: "0 9 * * *", slug: morning}'
    ]


async def test_a_session_without_a_schedule_gets_its_first(root: Path) -> None:
    without = changed('      - {cron: "0 2 * * *", timezone: Europe/Berlin, slug: "nightly"}\n', "")
    without = changed("    schedules:\n", "", without)
    lines = await changed_lines(root, without, cron="0 9 * * *", timezone="Asia/Tokyo")
    assert lines == ['+    schedules: [{"cron": "0 9 * * *", "slug": "schedule", "timezone": "Asia/Tokyo"}]']
    with pytest.raises(SpecError, match="no schedule whose time zone could change"):
        await changed_lines(root, without, timezone="Asia/Tokyo")


async def test_the_words_of_the_schedule_that_new_wrote_change_with_it(root: Path) -> None:
    asked = NewSession(name="nightly", cron="0 2 * * *", prompt="Look.")
    (root / "deployments" / "prompts" / "nightly.md").unlink()
    path = write_definition(asked, Settings(), root=root, now=NOW).definition
    await update(root, cron="0 9 * * *", timezone="Europe/Berlin")
    assert path.read_text(encoding="utf-8").startswith("# At 09:00 (Europe/Berlin).\n")


async def test_a_new_prompt_is_written_into_the_prompt_file(root: Path) -> None:
    path = write_definition_file(root, COMMENTED)
    updated = await update(root, prompt="Count the {{ braces }}.\n")
    assert updated.files == [root / "deployments" / "prompts" / "nightly.md"]
    assert updated.files[0].read_text(encoding="utf-8") == "Count the {{ braces }}.\n"
    assert path.read_text(encoding="utf-8") == COMMENTED


async def test_a_prompt_in_the_definition_is_replaced_there(root: Path) -> None:
    inline = changed(
        "      prompt_file: deployments/prompts/nightly.md\n",
        "      prompt: |\n        One.\n        Two.\n",
        COMMENTED,
    )
    assert await changed_lines(root, inline, prompt="Three.\nFour.\n") == [
        "-        One.",
        "-        Two.",
        "+        Three.",
        "+        Four.",
    ]
    assert (await changed_lines(root, inline, prompt_file="deployments/prompts/nightly.md"))[-1] == (
        '+      prompt_file: "deployments/prompts/nightly.md"'
    )


async def test_a_prompt_file_that_another_session_has_is_not_rewritten(root: Path) -> None:
    write_definition_file(root, changed("name: nightly", "name: other"), "other.yaml")
    write_definition_file(root)
    with pytest.raises(SpecError, match="is also the prompt of other; write another file"):
        await update(root, prompt="Mine.")
    assert (root / "deployments" / "prompts" / "nightly.md").read_text(encoding="utf-8") == "Look at the code.\n"


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({}, "", "nothing is to change"),
        ({"slug": "nightly"}, "", "nothing is to change"),
        ({"name": " "}, "name", "the name is blank"),
        ({"name": "x" * 51}, "name", "at most 50"),
        ({"cron": "99 * * * *"}, "cron", "99"),
        ({"cron": ""}, "cron", "is blank"),
        ({"cron": "0 * * * *", "every": "6h"}, "every", "two schedules"),
        ({"every": "1d", "timezone": "Europe/Berlin"}, "timezone", "counts the time that passes"),
        ({"every": "PT30S"}, "every", "is under a minute"),
        ({"timezone": "Mars/Olympus"}, "timezone", "not a known time zone"),
        ({"at": "2020-01-01T00:00"}, "at", "is past"),
        ({"prompt": " "}, "prompt", "blank"),
        ({"prompt": None}, "prompt", "cannot be blank"),
        ({"prompt": "a", "prompt_file": "b"}, "prompt_file", "both given"),
        ({"prompt_file": "gone.md"}, "parameters.prompt_file", "does not exist"),
        ({"prompt_file": "../gone.md"}, "parameters.prompt_file", "outside the repository"),
        ({"parameters": {"temperature": 1.5}}, "parameters.temperature", "0 to 1"),
        ({"parameters": {"model": "gpt-99"}}, "parameters.model", "gpt-99"),
        ({"parameters": {"model": "claude-opus-4-6"}}, "parameters.model", "SESSIONS_ENABLED_MODELS"),
        ({"parameters": {"colour": "red"}}, "parameters.colour", "not known"),
        ({"parameters": {"prompt_file": None}}, "parameters.prompt", "is missing"),
        ({"description": "{{ secret }}"}, "description", "Prefect"),
    ],
    ids=str,
)
async def test_what_is_wrong_is_refused_and_nothing_changes(
    root: Path, fields: dict[str, JsonValue], field: str, sentence: str
) -> None:
    path = write_definition_file(root, COMMENTED)
    good: dict[str, JsonValue] = {"description": "Would be good."} if fields and "slug" not in fields else {}
    with pytest.raises(SpecError, match=sentence) as refused:
        await update(root, **good | fields)
    assert refused.value.field == field
    assert path.read_text(encoding="utf-8") == COMMENTED
    assert sorted(os.listdir(root / "deployments")) == ["nightly.yaml", "prompts"]  # noqa: PTH208


async def test_a_value_that_two_sessions_share_by_an_anchor_is_left_to_people(root: Path) -> None:
    shared = changed("{limit: 1, collision_strategy: CANCEL_NEW}", "&one {limit: 1, collision_strategy: CANCEL_NEW}")
    shared = changed("    parameters:\n", "    parameters: &all\n", shared)
    second = changed("name: nightly", "name: second", GOOD).partition("deployments:\n")[2]
    both = shared + second[: second.index("    parameters:")] + "    parameters: *all\n"
    path = write_definition_file(root, both)
    with pytest.raises(SpecError, match="edit the file by hand"):
        await update(root, parameters={"temperature": 0.1})
    assert path.read_text(encoding="utf-8") == both


async def test_windows_line_ends_stay(root: Path) -> None:
    path = root / "deployments" / "nightly.yaml"
    path.write_bytes(COMMENTED.replace("\n", "\r\n").encode())
    await update(root, every="6h", name="Night", parameters={"max_turns": 3, "temperature": None})
    content = path.read_bytes()
    assert content.count(b"\n") == content.count(b"\r\n")
    assert b'anchor_date: "2026' in content


async def test_without_a_server_it_says_written_but_not_deployed(root: Path) -> None:
    path = write_definition_file(root)
    updated = await update(root, description="New.")
    assert (updated.files, updated.deployed, updated.note) == ([path], False, NO_SERVER)
    path.unlink()
    with pytest.raises(ServerError, match="is not defined in deployments/ here, and no Prefect server answers"):
        await update(root, description="New.")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"every": "6h"}, True),
        ({"every": "6h", "timezone": None}, False),
        ({"every": "6h", "timezone": "Asia/Tokyo"}, False),
        ({"cron": "0 3 * * *"}, False),
    ],
)
async def test_a_zone_that_an_interval_cannot_have_is_said_to_go(
    root: Path, fields: dict[str, JsonValue], *, said: bool
) -> None:
    write_definition_file(root)
    note = (await update(root, **fields)).note
    assert ("Europe/Berlin is taken out" in note) is said
    assert ("a later --cron is by the clock of UTC" in note) is said


def test_files_are_put_back_when_what_follows_fails(tmp_path: Path) -> None:
    there, new = tmp_path / "there", tmp_path / "folder" / "new"
    there.write_text("old", encoding="utf-8")
    there.chmod(0o640)
    with pytest.raises(ServerError, match="changed made"), written({there: "changed", new: "made"}):
        raise ServerError(f"{there.read_text(encoding='utf-8')} {new.read_text(encoding='utf-8')}")
    assert there.read_text(encoding="utf-8") == "old"
    assert there.stat().st_mode & 0o777 == 0o640
    assert not new.exists()
