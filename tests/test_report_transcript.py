from datetime import UTC, datetime

from sessions.models import Usage
from sessions.report_transcript import MOST_CHARACTERS, render_transcript
from sessions.transcript import Entry, EntryKind

AT = datetime(2026, 11, 3, 1, 0, tzinfo=UTC)


def entry(kind: EntryKind, turn: int = 1, **fields: object) -> Entry:
    return Entry.model_validate({"kind": kind, "at": AT, "turn": turn, **fields})


def test_a_call_unfolds_to_its_arguments_and_its_own_result() -> None:
    text = render_transcript(
        [
            entry("tool_call", tool="Bash", tool_call_id="a", arguments={"command": "git log"}),
            entry("tool_call", tool="Read", tool_call_id="b", arguments={"file_path": "x.py"}),
            entry("tool_result", tool_call_id="b", text="contents", is_error=True),
            entry("tool_result", tool_call_id="a", text="6e0d600 Lay out the rooms"),
        ]
    )
    bash = (
        '<details>\n<summary>Bash: git log</summary>\n\n```json\n{\n "command": "git log"\n}\n```\n\n```\n6e0d600 Lay'
    )
    assert bash in text
    assert "<summary>Read: x.py (failed)</summary>" in text
    assert text.count("<details>") == text.count("\n\n</details>") == 2


def test_each_turn_has_a_heading_and_the_prompt_comes_first() -> None:
    text = render_transcript(
        [
            entry("prompt", turn=0, text="Look."),
            entry("thinking", text="hm"),
            entry("text", text="# Done"),
            entry("usage", usage=Usage(input_tokens=1200, output_tokens=30)),
            entry("text", turn=2, text="More."),
            entry("note", turn=2, text="stopped"),
        ]
    )
    order = [
        "Prompt",
        "### Turn 1",
        "Thinking",
        "#### Done",
        "1,200 tokens in, 30 out",
        "### Turn 2",
        "More",
        "_Note:_",
    ]
    assert sorted(order, key=text.index) == order


def test_a_call_whose_result_never_came_says_so() -> None:
    assert "No result: the run ended before it came" in render_transcript([entry("tool_call", tool="Bash")])


def test_a_result_without_its_call_is_not_lost() -> None:
    assert "orphan" in render_transcript([entry("tool_result", tool_call_id="z", text="orphan")])


def test_output_cannot_leave_its_fold() -> None:
    sly = "```\n</details>\n<img src=x>\n````\n"
    call = entry("tool_call", tool="Bash", tool_call_id="a", arguments={"command": "echo </summary><b>"})
    text = render_transcript([call, entry("tool_result", tool_call_id="a", text=sly)])
    assert "<summary>Bash: echo &lt;/summary&gt;&lt;b&gt;</summary>" in text
    assert f"`````\n{sly}\n`````" in text


def test_long_output_loses_its_middle_and_says_how_much() -> None:
    call = entry("tool_call", tool="Bash", tool_call_id="a")
    text = render_transcript([call, entry("tool_result", tool_call_id="a", text="x" * 10_000)])
    assert "… 6,000 characters left out …" in text


def test_an_endless_transcript_stops_and_says_where_the_rest_is() -> None:
    text = render_transcript([entry("text", turn=n, text="y" * 3000) for n in range(1, 400)], where="/home/t.jsonl")
    assert len(text) < MOST_CHARACTERS + 200
    assert "more parts are left out here_; the whole transcript is in /home/t.jsonl" in text


def test_an_empty_transcript_says_so() -> None:
    assert render_transcript([]) == "_Nothing was said or done._\n"
