"""A model whose end is announced is spoken of before it is gone, with the sessions that use it."""

from datetime import date

from deployments.doctor_models import examine_models
from sessions.settings import Settings
from tests.fakes.stack import a_definition

ENDING = a_definition("triage", model="gemini-2.5-flash", runner="gemini")
STAYING = a_definition("watch", model="claude-opus-4-5")


def test_an_end_that_is_near_is_told_with_its_day_and_who_uses_the_model() -> None:
    (line,) = examine_models(Settings(), [ENDING, STAYING], date(2026, 11, 20))
    assert (line.subject, line.status) == ("model gemini-2.5-flash", "warn")
    assert "2026-12-01" in line.found
    assert "triage" in line.found
    assert "watch" not in line.found


def test_an_end_that_has_come_is_a_fault() -> None:
    (line,) = examine_models(Settings(), [ENDING], date(2026, 12, 1))
    assert (line.status, "has ended it" in line.found) == ("fail", True)


def test_far_from_any_end_one_line_names_what_is_used() -> None:
    (line,) = examine_models(Settings(), [ENDING, STAYING], date(2026, 6, 1))
    assert (line.subject, line.status) == ("models", "ok")
    assert "claude-opus-4-5" in line.found


def test_the_model_of_the_agent_counts_where_the_session_names_none() -> None:
    settings = Settings(agent_models={"main": "gemini-2.5-flash"})
    (line,) = examine_models(settings, [a_definition("plain")], date(2026, 11, 20))
    assert "plain" in line.found


def test_an_unknown_model_is_left_to_the_check() -> None:
    unknown = a_definition("odd", model="gpt-9")
    (line,) = examine_models(Settings(), [unknown], date(2026, 11, 20))
    assert line.status == "ok"
