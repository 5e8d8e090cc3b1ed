import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sessions.errors import ExtractionError
from sessions.extraction import (
    ENTRY_CHARACTERS,
    MOST_OBSERVATIONS,
    TRANSCRIPT_CHARACTERS,
    Learned,
    extract,
    find_quote,
    origin_of,
    render_for_extraction,
)
from sessions.models import Model, Usage, find_model
from sessions.offline import Script, open_offline_model
from sessions.offline.request import read_request
from sessions.runners.base import AgentRun, Stop
from sessions.settings import Settings
from sessions.transcript import Entry

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HAIKU = find_model("claude-haiku-4-5")
FLASH = find_model("gemini-2.5-flash")
JOURNAL = {"theme": "Doors", "built": "", "noticed": "green", "changed": "", "assumptions": "", "next": "windows"}
ENTRIES = (
    Entry(kind="prompt", at=NOON, turn=0, text="Look at the door."),
    Entry(kind="tool_call", at=NOON, turn=1, tool="Bash", tool_call_id="1", arguments={"command": "cat door.txt"}),
    Entry(
        kind="tool_result",
        at=NOON + timedelta(seconds=5),
        turn=1,
        tool="Bash",
        tool_call_id="1",
        text="It is\n  green.",
    ),
    Entry(kind="tool_result", at=NOON, turn=1, tool="WebFetch", tool_call_id="2", text="Doors are red, says the web."),
    Entry(kind="text", at=NOON, turn=2, text="The door is green."),
)


def a_run(entries: tuple[Entry, ...] = ENTRIES, **fields: object) -> AgentRun:
    given = {
        "stop": Stop.FINISHED,
        "final_text": "",
        "error": "",
        "transcript": entries,
        "turns": 2,
        "usage": Usage(),
        "cost_usd": 0.0,
        "denials": (),
        "agent_session_id": "s",
        "started_at": NOON,
        "ended_at": NOON + timedelta(minutes=1),
    }
    return AgentRun.model_validate(given | fields)


def observed(quote: str, text: str = "The door is green.", **fields: object) -> dict[str, object]:
    return {"kind": "fact", "text": text, "quote": quote, "importance": 0.5} | fields


def answers(*observations: dict[str, object], **answer: object) -> Script:
    text = json.dumps({"observations": observations, "journal": JOURNAL}).replace("{{", "{ {")
    return Script.model_validate({"rules": [{"answer": {"blocks": [{"text": text}], **answer}}]})


async def learn(
    script: Script, run: AgentRun | None = None, model: Model = HAIKU
) -> tuple[Learned, list[dict[str, Any]]]:
    with open_offline_model(script) as offline:
        addresses = {"anthropic_base_url": offline.base_url, "gemini_base_url": offline.base_url}
        settings = Settings(**addresses, anthropic_api_key="k", gemini_api_key="g", model_retries=0)
        learned = await extract(
            run or a_run(), run_id="r1", agent="main", session="doors", model=model, settings=settings, now=NOON
        )
        return learned, [request.body for request in offline.requests]


async def test_what_is_quoted_word_for_word_is_kept_with_its_place_and_the_turn_before() -> None:
    learned, _ = await learn(answers(observed("It is green.", importance=0.9)))
    (kept,) = learned.observations
    assert (kept.text, kept.quote, kept.importance) == ("The door is green.", "It is green.", 0.9)
    assert (kept.source.run, kept.source.span, kept.source.origin) == ("r1", "2", "tool")
    assert kept.context == "command: cat door.txt"
    assert (kept.event_at, kept.created_at) == (NOON + timedelta(seconds=5), NOON)


@pytest.mark.parametrize("quote", ["It is blue.", "it is green.", "", "   ", "green. The door"])
async def test_what_is_not_quoted_word_for_word_is_dropped_and_counted(quote: str) -> None:
    learned, _ = await learn(answers(observed(quote), observed("The door is green.")))
    assert [item.quote for item in learned.observations] == ["The door is green."]
    assert learned.dropped_quotes == 1


async def test_the_same_answer_gives_the_same_ids_and_another_run_gives_others() -> None:
    first, second = [(await learn(answers(observed("It is green."))))[0].observations[0].id for _ in range(2)]
    other, _ = await learn(answers(observed("It is green.", text="The door has a colour.")))
    assert first == second
    assert first != other.observations[0].id


async def test_an_observation_that_is_given_twice_is_kept_once() -> None:
    learned, _ = await learn(answers(observed("It is green."), observed("The door is green.")))
    assert len(learned.observations) == 1


async def test_no_more_is_kept_than_was_asked_for() -> None:
    many = [observed("It is green.", text=f"Number {number}.") for number in range(MOST_OBSERVATIONS + 5)]
    learned, _ = await learn(answers(*many))
    assert len(learned.observations) == MOST_OBSERVATIONS
    assert learned.dropped_quotes == 5


async def test_the_journal_entry_is_the_runs() -> None:
    learned, _ = await learn(answers())
    assert learned.journal is not None
    assert (learned.journal.id, learned.journal.session, learned.journal.theme) == ("r1", "doors", "Doors")
    assert learned.journal.at == NOON + timedelta(minutes=1)


@pytest.mark.parametrize(("model", "usd"), [(HAIKU, 1.0 + 0.5), (FLASH, 0.30 + 0.25)], ids=["claude", "gemini"])
async def test_the_model_is_asked_by_schema_at_temperature_0_and_its_cost_is_counted(model: Model, usd: float) -> None:
    usage = {"input_tokens": 1_000_000, "output_tokens": 100_000}
    learned, (asked,) = await learn(answers(observed("It is green."), usage=usage), model=model)
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == (model.id, 0, 4000)
    assert {"observations", "journal"} <= set(asked["output_config"]["format"]["schema"]["properties"])
    assert [kept.text for kept in learned.observations] == ["The door is green."]
    assert learned.cost_usd == pytest.approx(usd)


async def test_the_transcript_reaches_the_model_as_data_with_its_end() -> None:
    run = a_run(stop=Stop.TIMED_OUT, error="the agent was ended")
    _, (asked,) = await learn(answers(), run)
    sent = read_request(asked).prompt
    assert sent.startswith("<transcript>\n[0 prompt]\nLook at the door.")
    assert "[1 tool_call Bash]\ncommand: cat door.txt" in sent
    assert sent.endswith(
        "The session ended: timed_out. the agent was ended It did not finish; keep what is known so far."
    )


async def test_a_run_in_which_nothing_was_said_costs_no_call() -> None:
    learned, asked = await learn(answers(), a_run(ENTRIES[:1]))
    assert (learned, asked) == (Learned(), [])


UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "401": ({"error": {"type": "authentication_error"}}, "API_KEY"),
    "overloaded": ({"error": {"type": "overloaded_error"}}, "overloaded"),
    "no-json": ({"fault": "invalid_json"}, "BASE_URL"),
    "no-message": ({"fault": "not_a_message"}, "BASE_URL"),
    "no-schema": ({"blocks": [{"text": "I learned a lot."}]}, "does not follow its schema"),
    "cut-off": ({"blocks": [{"text": '{"observations": ['}], "stop_reason": "max_tokens"}, "was cut off"),
}


@pytest.mark.parametrize("model", [HAIKU, FLASH], ids=["claude", "gemini"])
@pytest.mark.parametrize("case", UNUSABLE)
async def test_an_answer_that_cannot_be_used_is_an_error_with_a_sentence(case: str, model: Model) -> None:
    answer, word = UNUSABLE[case]
    with pytest.raises(ExtractionError, match=word) as raised:
        await learn(Script.model_validate({"rules": [{"answer": answer}]}), model=model)
    assert "\n" not in str(raised.value)


async def test_a_transcript_that_the_provider_blocks_is_an_error_that_says_so() -> None:
    blocked = {"gemini": {"block_reason": "PROHIBITED_CONTENT"}}
    with pytest.raises(ExtractionError, match=r"blocked the question \(PROHIBITED_CONTENT\)"):
        await learn(Script.model_validate({"rules": [{"answer": blocked}]}), model=FLASH)


async def test_a_model_whose_provider_has_no_key_is_not_asked_and_the_settings_are_named() -> None:
    settings = Settings(gemini_api_key="g")
    with pytest.raises(ExtractionError, match=r"ANTHROPIC_API_KEY.*another SESSIONS_EXTRACTION_MODEL"):
        await extract(a_run(), run_id="r", agent="main", session="s", model=HAIKU, settings=settings, now=NOON)


def test_a_quote_may_differ_in_white_space_only() -> None:
    assert find_quote("It is green.", ENTRIES) == 2
    assert find_quote("It\tis\n\ngreen.", ENTRIES) == 2
    assert find_quote("Itis green.", ENTRIES) is None


def test_a_quote_may_come_from_what_the_agent_called() -> None:
    assert find_quote("cat door.txt", ENTRIES) == 1


@pytest.mark.parametrize(("index", "origin"), list(enumerate(["owner", "agent", "tool", "web", "agent"])))
def test_whose_words_they_are_is_told_by_the_transcript(index: int, origin: str) -> None:
    assert origin_of(ENTRIES[index]) == origin


def test_a_long_entry_loses_its_middle() -> None:
    long = Entry(kind="text", at=NOON, turn=1, text="a" * ENTRY_CHARACTERS + "b" * ENTRY_CHARACTERS)
    shown = render_for_extraction(a_run((long,)))
    assert f"[… {ENTRY_CHARACTERS} characters left out …]" in shown
    assert shown.count("a" * (ENTRY_CHARACTERS // 2)) == 1


def test_a_long_transcript_loses_its_middle() -> None:
    entries = tuple(Entry(kind="text", at=NOON, turn=turn, text=f"{turn} " + "x" * 5000) for turn in range(100))
    shown = render_for_extraction(a_run(entries))
    assert len(shown) < TRANSCRIPT_CHARACTERS + 500
    assert "[0 text]" in shown
    assert "[99 text]" in shown
