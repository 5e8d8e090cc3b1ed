"""Which trouble is known already."""

from sessions.models import Usage
from sessions.outcome import Outcome
from sessions.parameter_values import DeliveryTarget
from sessions.report_message import new_receipt
from sessions.runners.base import AgentEnd, Stop
from sessions.spec import SessionSpec
from sessions.trouble import failed_before_first_token, mark_trouble, was_told
from tests.fakes.records import a_record, an_agent_run

ANN = DeliveryTarget(channel="file", to="ann.md")
BEN = DeliveryTarget(channel="file", to="ben.md")
FAILED = AgentEnd(stop=Stop.FAILED, error="no key")


def mark(sentence: str, *targets: DeliveryTarget, run_id: str = "run-1") -> str:
    return mark_trouble(sentence, targets, run_id=run_id)


def test_the_same_trouble_is_the_same_whichever_run_had_it_and_however_long_that_took() -> None:
    first = mark("cannot reach x after 132 ms; see runs/run-1", ANN, BEN)
    assert first == mark("cannot reach x after 7.5 s; see runs/run-2", BEN, ANN, run_id="run-2")


def test_another_sentence_another_status_or_another_target_is_another_trouble() -> None:
    marks = [mark("the key is refused (401)", ANN), mark("the key is refused (403)", ANN), mark("no key", ANN)]
    assert len({*marks, mark("no key", BEN), mark("no key", ANN, BEN)}) == 5


def told(status: str, target: DeliveryTarget, **targets: list[DeliveryTarget]) -> bool:
    receipt = new_receipt("run-1", target).model_copy(update={"status": status})
    return was_told("run-1", [receipt], SessionSpec(prompt="Look.", **targets))


def test_one_of_those_who_are_told_of_failures_is_enough_and_others_do_not_count() -> None:
    assert told("delivered", ANN, failure_delivery=[ANN, BEN])
    assert told("unknown", ANN, delivery=[ANN])
    assert not told("failed", ANN, failure_delivery=[ANN])
    assert not told("delivered", BEN, delivery=[BEN], failure_delivery=[ANN])


def test_where_nobody_wants_to_be_told_nobody_is_waited_for() -> None:
    assert was_told("run-1", [], SessionSpec(prompt="Look."))
    assert was_told("run-1", [], SessionSpec(prompt="Look.", delivery=[ANN.model_copy(update={"mode": "none"})]))


def test_a_run_that_had_an_answer_reports_each_time() -> None:
    record = a_record(outcome=Outcome.FAILED, agent_end=FAILED)
    assert failed_before_first_token(record, an_agent_run(turns=0))
    assert not failed_before_first_token(record, an_agent_run(turns=1, usage=Usage(input_tokens=5)))
    crashed = a_record(outcome=Outcome.CRASHED, agent_end=AgentEnd(stop=Stop.INTERRUPTED))
    assert not failed_before_first_token(crashed, an_agent_run(turns=0))
