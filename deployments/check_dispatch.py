"""The rules of a dispatch: every one checked before it is deployed."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain

from pydantic import ValidationError

from deployments.definitions import DISPATCH_ENTRYPOINT, ENTRYPOINT, ScheduleEntry
from deployments.documents import Document
from deployments.problems import Finding, Problem, place
from deployments.sentences import explain, nearest
from sessions.dispatch_rules import DispatchParameters, DispatchRule, calendar_fault, takes_every_turn
from sessions.ledger import slots_between

#: Every day of the week, with its hours in every zone.
_LOOK_AHEAD_DAYS = 8


def is_dispatch(raw: Mapping[str, object]) -> bool:
    """Whether a deployment as it stands in a definition is of the flow `dispatch`."""
    return raw.get("entrypoint") == DISPATCH_ENTRYPOINT


def check_dispatch_parameters(parameters: Mapping[str, object]) -> Iterator[Finding]:
    """What is wrong with each parameter of a dispatch; locations begin with a parameter's name."""
    try:
        given = DispatchParameters.model_validate(dict(parameters), strict=True)
    except ValidationError as error:
        yield from (Finding(tuple(fault["loc"]), explain(fault, DispatchParameters)) for fault in error.errors())
        return
    if not given.rules:
        yield Finding(("rules",), "is empty; write at least `- session: NAME` under it")
    wide = next((number for number, rule in enumerate(given.rules, 1) if takes_every_turn(rule)), len(given.rules))
    for index in range(wide, len(given.rules)):
        message = f"comes after rule {wide}, which matches always unless its session is at work; move it up"
        yield Finding(("rules", index), message, "warning")


def check_rule_hours(raw: Mapping[str, object], now: datetime) -> Iterator[Finding]:
    """A warning for each rule of a dispatch in whose hours none of its slots will be."""
    rules, entries = _good_rules(raw), _good_entries(raw)
    if not is_dispatch(raw) or not rules or not entries:
        return
    ahead = now + timedelta(days=_LOOK_AHEAD_DAYS)
    left = rules
    for slot in chain.from_iterable(slots_between(entry.schedule, now, ahead) for entry in entries):
        if not (left := {index: rule for index, rule in left.items() if calendar_fault(rule, slot)}):
            return
    for index in left:
        message = f"no slot of the dispatch in the next {_LOOK_AHEAD_DAYS} days is in its days and hours"
        yield Finding(("parameters", "rules", index), message, "warning")


def _good_rules(raw: Mapping[str, object]) -> dict[int, DispatchRule]:
    found = {}
    for index, rule in _rules_in(raw):
        try:
            found[index] = DispatchRule.model_validate(rule, strict=True)
        except ValidationError:
            continue  # already found
    return found


def _good_entries(raw: Mapping[str, object]) -> list[ScheduleEntry]:
    entries = raw.get("schedules")
    try:
        return [ScheduleEntry.model_validate(entry, strict=True) for entry in entries or ()]  # type: ignore[attr-defined]
    except (TypeError, ValidationError):
        return []  # already found


def check_rule_sessions(documents: Iterable[Document], siblings: Iterable[Document]) -> Iterator[Problem]:
    """A problem for each rule that names a session which is defined neither in the documents nor beside them."""
    documents = list(documents)
    defined = {
        str(raw.get("name"))
        for document in (*documents, *siblings)
        for _, raw in _deployments_in(document)
        if raw.get("entrypoint") == ENTRYPOINT
    }
    for document in documents:
        for index, raw in _deployments_in(document):
            for location, session in _named_sessions(raw) if is_dispatch(raw) else ():
                if session not in defined:
                    message = f"there is no session {session!r} in the definitions; {_hint(session, defined)}"
                    yield place(Finding(location, message), document, index)


def _hint(session: str, defined: set[str]) -> str:
    return nearest(session, sorted(defined)) if defined else "write one with `sessions new`"


def _deployments_in(document: Document) -> Iterator[tuple[int, Mapping[str, object]]]:
    listed = document.content.get("deployments") if isinstance(document.content, dict) else None
    for index, raw in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(raw, dict):
            yield index, raw


def _named_sessions(raw: Mapping[str, object]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for index, rule in _rules_in(raw):
        if isinstance(rule, dict) and isinstance(rule.get("session"), str):
            yield ("parameters", "rules", index, "session"), rule["session"]


def _rules_in(raw: Mapping[str, object]) -> Iterator[tuple[int, object]]:
    parameters = raw.get("parameters")
    rules = parameters.get("rules") if isinstance(parameters, dict) else None
    yield from enumerate(rules if isinstance(rules, list) else [])
