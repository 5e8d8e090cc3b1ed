from datetime import timedelta

import pytest

from sessions.channels.base import Receipt
from sessions.outcome import Delivery, Outcome
from sessions.report import CommittedWork, headline, render_learned, render_report, usage_rows
from tests.fakes.reports import STARTED, full_report


def test_the_report_begins_with_what_became_of_the_run_and_why() -> None:
    lines = render_report(full_report()).splitlines()
    assert lines[0] == "# ✅ nightly-code-health: completed"
    assert lines[2] == "The agent finished after 5 turns."
    assert lines[4] == "Slot 2026-11-03 01:00 UTC · run `0f8fad5b-d9cb-469f-a165-70867728950e` · agent main"


def test_the_agents_headings_stand_below_the_reports_own() -> None:
    assert "### What got worse\n\nTwo files are **too long**." in render_report(full_report())


def test_every_part_of_the_run_has_its_place() -> None:
    text = render_report(
        full_report(receipts=(Receipt(target="telegram -1", status="failed", detail="no", attempts=3),))
    )
    for words in (
        "- **fact**: sessions/report.py has 230 lines\n  > 230 sessions/report.py",
        "- **Next**: split report.py",
        "- `app` branch `main`: `6e0d600c9f1c` pushed",
        "<summary>Bash was refused</summary>\n\n```json\n",
        "- Not remembered yet; the next run tries again: the disk is full",
        "- telegram -1: failed, 3 tries (no)",
        "| Tokens in | 12,345 |",
        "| Cost | 0.0421 USD |",
        "| Duration | 1 min 23 s |",
    ):
        assert words in text


def test_a_run_that_left_nothing_has_no_empty_sections() -> None:
    bare = full_report(final_text="", learned=(), journal=None, commits=(), denials=(), notes=(), reason="")
    headings = [line for line in render_report(bare).splitlines() if line.startswith("#")]
    assert headings == ["# ✅ nightly-code-health: completed", "## The run"]
    assert "The agent said nothing at the end" in render_report(bare)


def test_a_run_whose_agent_never_had_a_turn_does_not_speak_of_its_end() -> None:
    text = render_report(full_report(outcome=Outcome.FAILED, final_text="", turns=0))
    assert ("No word came from the agent." in text, "at the end" in text) == (True, False)


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (Outcome.TIMED_OUT, "❌ nightly-code-health: timed out"),
        (Outcome.OVER_BUDGET, "⚪ nightly-code-health: over budget"),
        (Outcome.NO_CHANGE, "✅ nightly-code-health: no change"),
        (Outcome.CRASHED, "❌ nightly-code-health: crashed"),
    ],
)
def test_the_headline_says_the_outcome_in_words(outcome: Outcome, line: str) -> None:
    assert headline(full_report(outcome=outcome)) == line


@pytest.mark.parametrize(
    ("commit", "line"),
    [
        (CommittedWork(repo="app", sha="abcdef0123456789"), "`app`: `abcdef012345` kept here, not pushed"),
        (CommittedWork(repo="app", branch="main", note="nothing changed"), "`app` branch `main`: (nothing changed)"),
        (CommittedWork(repo="app"), "`app`"),
    ],
)
def test_a_commit_says_where_it_is(commit: CommittedWork, line: str) -> None:
    assert f"- {line}\n" in render_report(full_report(commits=(commit,)))


def test_the_table_of_the_run_holds_plain_strings() -> None:
    rows = {row["metric"]: row["value"] for row in usage_rows(full_report(delivery=Delivery.DELIVERY_FAILED))}
    assert rows == {
        "Outcome": "completed",
        "Delivery": "delivery failed",
        "Model": "claude-sonnet-4-5",
        "Runner": "claude-agent-sdk",
        "Turns": "5",
        "Tokens in": "12,345",
        "Tokens out": "678",
        "Tokens read from cache": "9",
        "Tokens written to cache": "0",
        "Cost": "0.0421 USD",
        "Duration": "1 min 23 s",
    }


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.42, "0.4 s"), (59.9, "59.9 s"), (60, "1 min 0 s"), (7260, "2 h 1 min")]
)
def test_a_duration_is_said_in_its_own_size(seconds: float, words: str) -> None:
    rows = usage_rows(full_report(ended_at=STARTED + timedelta(seconds=seconds)))
    assert {"metric": "Duration", "value": words} in rows


def test_what_was_learned_is_counted_in_one_line_before_it_is_told() -> None:
    text = render_report(full_report(learned_in_short="1 added, 2 superseded"))
    assert "## What it learned\n\n1 added, 2 superseded.\n\n- **fact**:" in text


def test_nothing_learned_renders_as_nothing() -> None:
    assert render_learned(()) == ""


def test_nobodys_words_leave_their_place_in_the_report() -> None:
    evil = "## Commits\n</details><img src=x onerror=a()>\n![p](https://evil.example/?q=1)\n```\nnever closed"
    text = render_report(full_report(final_text=evil, notes=("# x <script>", "a | b"), reason="why <b>\n# not"))
    assert "<img" not in text
    assert "<script" not in text
    assert "<b>" not in text
    assert "![" not in text
    assert text.count("## Commits\n\n- ") == 1
    assert text.index("never closed\n```") < text.index("## The run")
