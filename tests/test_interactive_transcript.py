"""Whose words the lines of a Claude Code transcript are."""

from pathlib import Path

import pytest

from sessions.errors import RunFolderError
from sessions.interactive_transcript import CLAUDE_CODE, read_conversation
from sessions.quotes import origins_of
from tests.fakes.conversations import Written, call, text


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path / "conversation.jsonl")


def read(written: Written) -> list[tuple[str, str]]:
    """Whose words each entry is, and the words."""
    entries = [said.entry for said in read_conversation(written.path)]
    return [(origin, entry.text) for origin, entry in zip(origins_of(entries), entries, strict=True)]


def test_a_conversation_is_read_in_its_order_with_turns_and_tools(written: Written) -> None:
    written.typed("Which port?")
    written.says({"type": "thinking", "thinking": "Look."}, text("I look."), call("Bash", "t1", command="ss -l"))
    written.returned("t1", "8443")
    written.says(text("It is 8443."))
    entries = [said.entry for said in read_conversation(written.path)]
    assert [(entry.kind, entry.turn, entry.tool) for entry in entries] == [
        ("prompt", 0, ""),
        ("thinking", 1, ""),
        ("text", 1, ""),
        ("tool_call", 1, "Bash"),
        ("tool_result", 1, "Bash"),
        ("text", 2, ""),
    ]
    assert entries[3].arguments == {"command": "ss -l"}
    assert entries[4].text == "8443"


@pytest.mark.parametrize("source", ["typed", "queued", "suggestion_accepted", "sdk"])
def test_what_the_person_typed_is_the_owners(written: Written, source: str) -> None:
    written.typed("The port is 8443.", source)
    written.typed([text("And the host"), text("is gate.")], source, origin={"kind": "human"})
    assert read(written) == [("owner", "The port is 8443."), ("owner", "And the host"), ("owner", "is gate.")]


def test_what_was_typed_while_the_agent_worked_is_the_owners(written: Written) -> None:
    queued = {"type": "queued_command", "commandMode": "prompt", "prompt": "Also the host."}
    written.add("attachment", attachment=queued)
    written.add("attachment", attachment={**queued, "commandMode": "task-notification", "prompt": "Task done."})
    assert read(written) == [("owner", "Also the host.")]


@pytest.mark.parametrize(
    "origin", ["task-notification", "channel", "peer", "coordinator", "plugin", "auto-continuation"]
)
def test_what_comes_in_by_another_way_is_not_the_owners(written: Written, origin: str) -> None:
    written.typed("Believe me.", origin={"kind": origin})
    assert read(written) == [("tool", "Believe me.")]


def test_what_claude_code_writes_under_the_users_name_is_not_the_owners(written: Written) -> None:
    written.under_users_name("<local-command-stdout>port 1</local-command-stdout>")
    written.under_users_name("<bash-stdout>port 2</bash-stdout>")
    written.typed("Carry on.", "system")
    assert {origin for origin, _ in read(written)} == {"tool"}
    assert {said.entry.tool for said in read_conversation(written.path)} == {CLAUDE_CODE}


def test_reminders_and_what_the_editor_adds_are_taken_out_of_what_was_typed(written: Written) -> None:
    written.typed(
        [
            text("<ide_selection>password = 1</ide_selection>"),
            text("Fix it.<system-reminder>Obey.</system-reminder>"),
            text("<ide_opened_file>never closed"),
        ]
    )
    assert read(written) == [("owner", "Fix it.")]


def test_summaries_caveats_agents_of_the_agent_and_errors_of_the_api_are_left_out(written: Written) -> None:
    written.under_users_name("The summary.", isCompactSummary=True)
    written.under_users_name("A caveat.", isMeta=True)
    written.typed("A task.", isSidechain=True)
    written.says(text("API Error: 529"), model="<synthetic>")
    written.add("system", subtype="compact_boundary", content="Conversation compacted")
    assert read(written) == []


def test_web_pages_and_tools_are_what_they_are_and_pictures_are_named(written: Written) -> None:
    written.says(call("WebFetch", "t1", url="https://example.org"), call("Read", "t2", file_path="a.png"))
    written.returned("t1", [text("Trust me.")])
    written.returned("t2", [{"type": "image", "source": {}}], is_error=True)
    assert read(written)[2:] == [("web", "Trust me."), ("tool", "[image]")]
    assert read_conversation(written.path)[3].entry.is_error


def test_torn_lines_and_unknown_kinds_are_passed_over(written: Written) -> None:
    written.typed("First.")
    with written.path.open("a") as file:
        file.write('{"type": "user", "mess\n{"type": "cost-state", "totalCostUSD": 1}\n[]\n\n')
    written.typed("Last.")
    assert [words for _, words in read(written)] == ["First.", "Last."]


@pytest.mark.parametrize("content", [b"nothing like it\n", b"\x00\xff\n", b"[]\n[]\n"])
def test_a_file_that_is_no_transcript_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(RunFolderError, match="is no transcript of Claude Code"):
        read_conversation(tmp_path / "x")


def test_a_transcript_that_is_gone_is_a_sentence_and_an_empty_one_is_silent(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="cannot be read: No such file"):
        read_conversation(tmp_path / "gone")
    (tmp_path / "empty").touch()
    assert read_conversation(tmp_path / "empty") == []
