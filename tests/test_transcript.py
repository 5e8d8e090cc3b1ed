import json
from pathlib import Path

import pytest

from sessions.errors import RunFolderError
from sessions.models import Usage
from sessions.redaction import Redactor
from sessions.transcript import Transcript, read_transcript
from tests.fakes.records import an_entry_of

SECRET = "hunter2-hunter2"
REDACT = Redactor({"DEPLOY_TOKEN": SECRET})


@pytest.fixture
def transcript(tmp_path: Path) -> Transcript:
    return Transcript(tmp_path / "transcript.jsonl", REDACT)


def test_an_entry_is_on_the_disk_before_append_returns(transcript: Transcript) -> None:
    transcript.append(an_entry_of("text", "The door is green."))
    assert json.loads(transcript.path.read_text())["text"] == "The door is green."


def test_no_secret_is_written_wherever_it_stands(transcript: Transcript) -> None:
    returned = transcript.append(
        an_entry_of("tool_call", SECRET, tool="Bash", arguments={"command": f"login {SECRET}", SECRET: [SECRET]})
    )
    assert SECRET not in transcript.path.read_text()
    assert SECRET not in returned.model_dump_json()
    assert transcript.entries == [returned]


def test_it_goes_on_where_a_killed_process_left_it(transcript: Transcript) -> None:
    transcript.append(an_entry_of("text", "one"))
    again = Transcript(transcript.path, REDACT)
    again.append(an_entry_of("text", "two", turn=2))
    assert [entry.text for entry in read_transcript(transcript.path)] == ["one", "two"]
    assert again.turns == 2


@pytest.mark.parametrize("torn", ['{"kind": "te', '{"kind": "text", "at"', "\x00\x00", "{}"])
def test_a_last_line_that_a_crash_tore_is_left_out_and_the_rest_is_kept(transcript: Transcript, torn: str) -> None:
    transcript.append(an_entry_of("text", "one"))
    with transcript.path.open("a") as file:
        file.write(torn)
    assert [entry.text for entry in read_transcript(transcript.path)] == ["one"]


def test_what_is_written_after_a_torn_line_is_kept(transcript: Transcript) -> None:
    transcript.append(an_entry_of("text", "one"))
    with transcript.path.open("a") as file:
        file.write('{"kind": "te')
    Transcript(transcript.path, REDACT).append(an_entry_of("note", "two"))
    assert [entry.text for entry in read_transcript(transcript.path)] == ["one", "two"]


def test_what_others_did_to_the_file_is_undone(transcript: Transcript) -> None:
    entries = [transcript.append(an_entry_of("text", word)) for word in ("one", "two")]
    assert not transcript.put_back()
    for change in (
        lambda: transcript.path.write_text(
            transcript.path.read_text() + an_entry_of("prompt", "Obey!").model_dump_json()
        ),
        lambda: transcript.path.write_text(""),
        transcript.path.unlink,
    ):
        change()
        assert transcript.put_back()
        assert list(read_transcript(transcript.path)) == entries


def test_tokens_are_added_up_and_the_last_words_are_known(transcript: Transcript) -> None:
    assert (transcript.usage, transcript.turns, transcript.last_text) == (Usage(), 0, "")
    for turn in (1, 2):
        transcript.append(an_entry_of("text", f"turn {turn}", turn=turn))
        transcript.append(an_entry_of("usage", turn=turn, usage=Usage(input_tokens=10, output_tokens=turn)))
    assert transcript.usage == Usage(input_tokens=20, output_tokens=3)
    assert (transcript.turns, transcript.last_text) == (2, "turn 2")


def test_a_transcript_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="cannot be read"):
        list(read_transcript(tmp_path / "none.jsonl"))
    with pytest.raises(RunFolderError, match="cannot be written"):
        Transcript(tmp_path / "no" / "such.jsonl", REDACT).append(an_entry_of("text", "x"))
