"""What is wrong with a value and what would be right, in a sentence instead of a validator's code."""

import difflib
from collections.abc import Callable, Sequence

from pydantic import BaseModel
from pydantic_core import ErrorDetails

_LIMIT = "{limit: 1, collision_strategy: CANCEL_NEW}"
_REMEDIES = {
    "name": "add a name such as nightly-code-health",
    "entrypoint": "add `entrypoint: flows/scheduled_session.py:scheduled_session`",
    "concurrency_limit": f"add `concurrency_limit: {_LIMIT}`, so that no two runs overlap",
    "limit": f"write {_LIMIT}",
    "collision_strategy": f"write {_LIMIT}",
    "work_pool": "add `work_pool: {name: sessions}`",
    "url": "say where to clone from; `.` is the checkout at hand",
    "channel": "choose one of file, webhook, telegram, slack, discord, apprise",
}
_SUSPENDING = "must not stand here: every deploy would go by it; use `sessions suspend` and `sessions resume`"
#: Keys that Prefect knows and a session must not have, with what to do instead.
_REFUSED = {
    "active": _SUSPENDING,
    "paused": _SUSPENDING,
    "schedule": "is the old form of one schedule; write a list under `schedules:`",
    "build": "is not run by `sessions deploy`; build the image apart and name it in work_pool.job_variables",
    "push": "is not run by `sessions deploy`; push the code apart and name its place in `pull:`",
    "triggers": "is not read; create an automation in Prefect that runs this deployment",
    "enforce_parameter_schema": "must not stand here: parameters are always checked",
}


def nearest(word: str, known: Sequence[str]) -> str:
    """`did you mean X?`, or all that is known if nothing is near."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"


def _fields_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """The names that may stand where `location` is."""
    for part in location[:-1]:
        if not isinstance(part, str) or part not in model.model_fields:
            continue
        inner = _model_in(model.model_fields[part].annotation)
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for part in getattr(annotation, "__args__", ()) if (model := _model_in(part))), None)


def _unknown(error: ErrorDetails, model: type[BaseModel]) -> str:
    key = str(error["loc"][-1])
    return _REFUSED.get(key) or f"is not known; {nearest(key, _fields_at(model, error['loc']))}"


def _missing(error: ErrorDetails, _model: type[BaseModel]) -> str:
    return f"is missing; {_REMEDIES.get(str(error['loc'][-1]), 'add it')}"


def _not_text(error: ErrorDetails, _model: type[BaseModel]) -> str:
    value = error["input"]
    if isinstance(value, bool):
        return "is a yes-or-no value to YAML (so are on, off, yes and no); put the text in quotes"
    if value is None:
        return "is empty; write a text, or take it out"
    if isinstance(value, dict | list):
        return "must be a text"
    return f'must be a text; put it in quotes: "{value}"'


def _not_a_number(error: ErrorDetails, _model: type[BaseModel]) -> str:
    whole = "whole " if error["type"].startswith("int") else ""
    return f"{error['input']!r} is not a {whole}number; write it without quotes"


def _not_a_choice(error: ErrorDetails, _model: type[BaseModel]) -> str:
    if (field := str(error["loc"][-1])) in ("limit", "collision_strategy"):
        return f"is {error['input']!r}; {_REMEDIES[field]}, so that no two runs overlap"
    return f"{error['input']!r} is not one of {error['ctx']['expected']}"


def _out_of_bounds(error: ErrorDetails, _model: type[BaseModel]) -> str:
    bounds = {"ge": "or more", "le": "or less", "gt": "or more, but not it", "lt": "or less, but not it"}
    name, bound = next(iter(error["ctx"].items()))
    return f"is {error['input']}; it takes {bound:g} {bounds[name]}"


def _no_mapping(error: ErrorDetails, _model: type[BaseModel]) -> str:
    remedy = _REMEDIES.get(str(error["loc"][-1]) if error["loc"] else "", "write `key: value` lines under it")
    return f"is {error['input']!r}, not a mapping; {remedy}"


def _own_words(error: ErrorDetails, _model: type[BaseModel]) -> str:
    return error["msg"].removeprefix("Value error, ")


_SENTENCES: dict[str, Callable[[ErrorDetails, type[BaseModel]], str]] = {
    "extra_forbidden": _unknown,
    "missing": _missing,
    "string_type": _not_text,
    "int_type": _not_a_number,
    "int_from_float": _not_a_number,
    "float_type": _not_a_number,
    "finite_number": _not_a_number,
    "literal_error": _not_a_choice,
    "greater_than_equal": _out_of_bounds,
    "less_than_equal": _out_of_bounds,
    "greater_than": _out_of_bounds,
    "less_than": _out_of_bounds,
    "model_type": _no_mapping,
    "dict_type": _no_mapping,
    "list_type": lambda error, _: f"is {error['input']!r}, not a list; write each item on a line after `- `",
    "bool_type": lambda error, _: f"is {error['input']!r}; write true or false, without quotes",
    "string_too_short": lambda _error, _model: "is empty; write a text, or take it out",
    "string_pattern_mismatch": lambda error, _: f"{error['input']!r} takes lower-case letters, digits and hyphens only",
    "invalid_key": lambda _error, _model: "has a key that is no text to YAML; put the key in quotes",
    "invalid-json-value": lambda _error, _model: "is a date or another value that is no text to YAML; put it in quotes",
}


def explain(error: ErrorDetails, model: type[BaseModel]) -> str:
    """One fault that pydantic found when it read a `model`, as a sentence for a person."""
    return _SENTENCES.get(error["type"], _own_words)(error, model)
