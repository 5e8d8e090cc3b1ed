"""The parameters of a session: every one checked before anything is deployed."""

import difflib
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path

from pydantic import ValidationError

from deployments.check_targets import check_addresses, check_gate, check_workflow
from deployments.documents import Location
from deployments.problems import Finding
from deployments.sentences import explain
from sessions.errors import ModelError, RunnerError, SpecError
from sessions.mcp_servers import MEMORY_SERVER
from sessions.memory_tools_inputs import INPUTS
from sessions.models import find_model, require_model
from sessions.parameters import RunnerName
from sessions.runners.mcp_rules import is_mcp_rule, parse_mcp_rule
from sessions.runners.permissions import parse_rule
from sessions.runners.questions import without_questions
from sessions.runners.tools import TOOL_NAMES
from sessions.settings import Settings
from sessions.spec import SessionSpec

_PROMPTS = ("prompt", "prompt_file")
_USUAL_TOKENS = (100, 8_000)
_USUAL_SECONDS = (60, 1_800)


def check_parameters(parameters: Mapping[str, object], settings: Settings, root: Path) -> Iterator[Finding]:
    """What is wrong with each parameter, the gravest alone; locations begin with a parameter's name.

    Args:
        parameters: as they stand in a definition.
        settings: which models are enabled, and the default ones.
        root: the repository, from which prompt files are named.
    """
    findings, spec = read_leniently(parameters)
    checks = (
        check_prompt(parameters, root),
        _check_maintenance(spec, root),
        findings,
        _check_numbers(parameters),
        _check_model(spec, settings),
        check_addresses(spec),
        check_gate(spec),
        check_workflow(spec),
        check_tools(spec),
        _unusual(spec),
    )
    gravest: dict[Location, Finding] = {}
    for finding in chain.from_iterable(checks):
        gravest.setdefault(finding.location, finding)
    yield from gravest.values()


def read_leniently(parameters: Mapping[str, object]) -> tuple[list[Finding], SessionSpec]:
    """The session without its wrong parameters, and what is wrong with those; prompts are left out."""
    kept = {name: value for name, value in parameters.items() if name not in _PROMPTS} | {"prompt": "-"}
    findings: list[Finding] = []
    while True:
        try:
            # Prefect's server takes no "4000" for a number either.
            return findings, SessionSpec.model_validate(kept, strict=True)
        except ValidationError as error:
            faults = error.errors()
            found = [_with_own_field(Finding(tuple(fault["loc"]), explain(fault, SessionSpec))) for fault in faults]
            findings += found
            wrong = {finding.location[0] for finding in found if finding.location}
            kept = {name: value for name, value in kept.items() if name in _PROMPTS or (wrong and name not in wrong)}


def _with_own_field(finding: Finding) -> Finding:
    """A rule over several parameters names the one it is about in front of its sentence."""
    name, colon, sentence = finding.message.partition(": ")
    if finding.location or not colon or name not in SessionSpec.model_fields:
        return finding
    return Finding((name,), sentence)


def check_prompt(parameters: Mapping[str, object], root: Path) -> Iterator[Finding]:
    """Exactly one kind of prompt, not blank, and a file that is text and lies in the repository."""
    prompt, file = (parameters.get(name, "") for name in _PROMPTS)
    for name, value in zip(_PROMPTS, (prompt, file), strict=True):
        if not isinstance(value, str):
            yield Finding((name,), f"is {value!r}, not a text; put it in quotes")
    if prompt and file:
        yield Finding(("prompt_file",), "stands beside prompt; keep one of the two")
    if not str(prompt or "").strip() and not str(file or "").strip():
        named = next((name for name in _PROMPTS if name in parameters), "prompt")
        state = "is blank" if named in parameters else "is missing"
        yield Finding((named,), f"{state}; say in prompt or prompt_file what the agent should do on every run")
    if isinstance(file, str) and file.strip() and (fault := _file_fault(file, root)):
        yield Finding(("prompt_file",), fault)


def _check_maintenance(spec: SessionSpec, root: Path) -> Iterator[Finding]:
    name = spec.maintenance_file
    if name and (fault := _file_fault(name, root)):
        yield Finding(("maintenance_file",), fault)


def _file_fault(name: str, root: Path) -> str:
    path = (root / name).resolve()
    if Path(name).is_absolute() or not path.is_relative_to(root.resolve()):
        return f"{name} is outside the repository; give its path from the repository's root"
    if path.is_dir():
        return f"{name} is a folder; name the file in it"
    if not path.exists():
        return f"{name} does not exist; {_near_files(path)}"
    return _text_fault(name, path)


def _text_fault(name: str, path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        text = "\0"
    except OSError as error:
        return f"{name} cannot be read: {error.strerror}"
    if "\0" in text:
        return f"{name} is not text; write it as a text file in UTF-8"
    return "" if text.strip() else f"{name} is blank; write down what the agent should do on every run"


def _near_files(path: Path) -> str:
    beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, beside, n=1)
    return f"did you mean {near[0]}?" if near else "create it, or give the path of another from the repository's root"


def _check_numbers(parameters: Mapping[str, object]) -> Iterator[Finding]:
    for name, value in parameters.items():
        if isinstance(value, float) and not math.isfinite(value):
            yield Finding((name,), f"is {value}, which cannot be stored; write a number, or 0 where that means none")


def _check_model(spec: SessionSpec, settings: Settings) -> Iterator[Finding]:
    asked = settings.model_for(spec.agent, spec.model)
    try:
        model = find_model(asked, settings.models_file)
    except ModelError as error:
        yield Finding(("model",), str(error))
        return
    checks: list[Callable[[], object]] = [
        lambda: require_model(
            asked, runner=spec.runner, enabled=settings.enabled_models, extra_file=settings.models_file
        ),
        lambda: model.require_limits(temperature=spec.temperature, max_tokens=1),
        lambda: model.require_limits(temperature=0, max_tokens=spec.max_tokens),
    ]
    if spec.thinking:
        checks.append(lambda: model.require_thinking(temperature=spec.temperature, max_tokens=spec.max_tokens))
    for check in checks:
        try:
            check()
        except SpecError as error:
            yield Finding((error.field,), str(error))


def check_tools(spec: SessionSpec) -> Iterator[Finding]:
    """Tool rules that the runner would refuse at the start of every run."""
    for field, rules in (("allowed_tools", spec.allowed_tools), ("disallowed_tools", spec.disallowed_tools)):
        for index, rule in enumerate(rules):
            try:
                _require_rule(rule, spec)
            except RunnerError as error:
                yield Finding((field, index), str(error))


def _require_rule(rule: str, spec: SessionSpec) -> None:
    if is_mcp_rule(rule):
        parse_mcp_rule(rule, {MEMORY_SERVER: tuple(INPUTS), **dict.fromkeys(spec.mcp_servers)})
    elif without_questions([rule]):
        _require_own_rule(rule, spec.runner)


def _require_own_rule(rule: str, runner: RunnerName) -> None:
    if runner != "claude-agent-sdk" or rule.partition("(")[0].strip() in TOOL_NAMES:
        parse_rule(rule, tools=TOOL_NAMES)
        return
    # Loads the agent's SDK, which takes a second and is needed only for the tools that it has alone.
    from sessions.runners.claude_tools import ToolRules  # noqa: PLC0415

    ToolRules([rule], [], Path())


def _unusual(spec: SessionSpec) -> Iterator[Finding]:
    low, high = _USUAL_TOKENS
    if not low <= spec.max_tokens <= high:
        yield Finding(("max_tokens",), f"is {spec.max_tokens:,}; usual are {low} to {high:,}", "warning")
    low, high = _USUAL_SECONDS
    if not low <= spec.timeout_seconds <= high:
        end = "which sets no end" if spec.timeout_seconds == 0 else f"usual are {low} to {high:,}"
        yield Finding(("timeout_seconds",), f"is {spec.timeout_seconds:,}; {end}", "warning")
