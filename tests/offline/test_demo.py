import json
import os
import subprocess
from pathlib import Path
from typing import Any

import anthropic
import pytest

from sessions.offline import DEMO_SCRIPT, open_offline_model, read_script
from sessions.runners.messages import AnthropicRunner
from tests.fakes.driving import Driven, Place

BASH = ("Bash",)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A repository with a name with a space in it, an open mark and a largest file."""
    place = Place(AnthropicRunner(), tmp_path, {"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    (place.workspace / "the door.py").write_text("# TODO: paint it\n" + "x = 1\n" * 40)
    (place.workspace / "b.py").write_text("y = 2\n")
    for argv in (["init", "-q"], ["add", "."], ["commit", "-qm", "Hang the door"]):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *argv], cwd=place.workspace, check=True, timeout=20
        )
    return place


async def run(place: Place, **fields: object) -> Driven:
    return await place.drive(read_script(DEMO_SCRIPT), **fields)


async def test_the_report_holds_what_the_tools_returned_and_says_who_wrote_it(place: Place) -> None:
    driven = await run(place, allowed_tools=BASH)
    report = driven.end.final_text
    assert "not by a model" in report
    assert "Hang the door" in report
    assert "Marked TODO or FIXME: 1 line\n" in report
    assert "the door.py:1:# TODO: paint it" in report
    assert "Largest file: `the door.py` with 41 lines" in report
    assert "Since last time" not in report
    assert driven.transcript.turns == 4


async def test_the_second_report_says_what_the_first_run_learned(place: Place) -> None:
    learned = "- The largest tracked file was: `b.py` with 7 lines (2026-01-01, fact)\n"
    driven = await run(place, allowed_tools=BASH, context=f"## What you know\n{learned}")
    assert "## Since last time" in driven.end.final_text
    assert "The largest tracked file was: `b.py` with 7 lines" in driven.end.final_text


async def test_a_search_that_was_denied_is_not_reported_as_nothing_found(place: Place) -> None:
    driven = await run(place, allowed_tools=("Bash(git log:*)",))
    assert "Marked TODO or FIXME: not known" in driven.end.final_text
    assert "Largest file: not known" in driven.end.final_text
    assert "Denied" in driven.end.final_text


async def test_what_is_extracted_is_quoted_from_the_transcript(place: Place) -> None:
    driven = await run(place, allowed_tools=BASH)
    said = "\n\n".join(entry.text for entry in driven.transcript.entries if entry.text)
    answer = extraction(f"<transcript>\n{said}\n</transcript>")
    quotes = [item["quote"] for item in answer["observations"]]
    assert [item["kind"] for item in answer["observations"]] == ["event", "fact", "problem", "fact"]
    assert all(quote in said for quote in quotes)
    assert set(answer["journal"]) == {"theme", "built", "noticed", "changed", "assumptions", "next"}


def test_what_is_known_is_confirmed_if_it_is_still_so_and_superseded_if_not() -> None:
    said = "Largest file: `b.py` with 7 lines\n\nMarked TODO or FIXME: 3 lines"
    known = (
        "Known observations:"
        '\n- id o-1, 2026-01-01, fact, from agent: "The largest tracked file was: `b.py` with 7 lines"'
        '\n- id o-2, 2026-01-01, fact, from agent: "Lines with TODO or FIXME were: 2 lines"'
    )
    answer = extraction(f"<transcript>\n{said}\n</transcript>\n\n{known}")
    assert [(item["action"], item["id"], item["text"]) for item in answer["observations"]] == [
        ("SUPERSEDE", "o-2", "Lines with TODO or FIXME were: 3 lines"),
        ("CONFIRM", "o-1", "The largest tracked file was: `b.py` with 7 lines"),
    ]


def test_a_transcript_without_tools_teaches_nothing() -> None:
    assert extraction("<transcript>\nhello\n</transcript>")["observations"] == []


def extraction(transcript: str) -> dict[str, Any]:
    with open_offline_model(DEMO_SCRIPT) as model, anthropic.Anthropic(api_key="k", base_url=model.base_url) as client:
        answer = client.messages.create(
            model="claude-haiku-4-5",
            max_tokens=1000,
            messages=[{"role": "user", "content": transcript}],
            output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}},
        )
    block = answer.content[0]
    assert block.type == "text"
    parsed: dict[str, Any] = json.loads(block.text)
    return parsed
