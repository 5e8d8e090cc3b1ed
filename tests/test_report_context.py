from pathlib import Path

from sessions.report_context import render_manifest, show_context
from tests.fakes.materials import known, thread, written
from tests.fakes.observations import an_observation
from tests.fakes.records import a_folder


def test_the_context_is_shown_with_why_each_line_is_there_and_what_was_left_out(tmp_path: Path) -> None:
    run = a_folder(tmp_path)
    context = written(known(thread(1, "discuss"), relevant=[an_observation(1)], total=9))
    run.write(run.context_path, context.text)
    run.write(run.manifest_path, context.manifest.model_dump_json())
    told, _, why = show_context(run).partition("<summary>What went in, and why</summary>")
    assert told.startswith(context.text.strip())
    assert "| `o1` | observation | speaks to the prompt, at place 1 | shown |" in why
    assert "| `thread-1` | thread | open, discuss | waits for a session with a person |" in why
    assert "8 observations were not weighed" in why


def test_nothing_in_a_context_is_html_on_the_page(tmp_path: Path) -> None:
    run = a_folder(tmp_path)
    bad = an_observation(1, "<img src=x onerror=y> ![](http://127.0.0.1/leak)")
    context = written(known(relevant=[bad]))
    run.write(run.context_path, context.text)
    shown = show_context(run)
    assert "<img" not in shown
    assert "![" not in shown


def test_a_run_that_has_no_context_or_no_manifest_says_so_or_shows_what_there_is(tmp_path: Path) -> None:
    run = a_folder(tmp_path)
    assert show_context(run) == "The run had no context."
    run.write(run.context_path, "# Session state\n")
    assert show_context(run) == "# Session state"
    run.write(run.manifest_path, "{")
    assert show_context(run) == "# Session state"


def test_an_empty_manifest_is_no_table() -> None:
    assert "|" not in render_manifest(written().manifest)
