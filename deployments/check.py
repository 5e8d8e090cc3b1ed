"""Checks definition files, all of them and all that is wrong with them, before anything is deployed."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from deployments.check_dispatch import check_dispatch_parameters, check_rule_hours, check_rule_sessions, is_dispatch
from deployments.check_parameters import check_parameters
from deployments.check_schedules import check_schedules, own_parameters
from deployments.check_texts import check_texts
from deployments.definitions import (
    DISPATCH_ENTRYPOINT,
    ENTRYPOINT,
    LONGEST_NAME,
    TOP_KEYS,
    Definition,
    ScheduleEntry,
    find_definitions,
    listed_deployments,
)
from deployments.documents import Document, DocumentError, parse_document, read_document
from deployments.names import slug_of, tags_fault
from deployments.problems import Finding, Problem, place
from deployments.sentences import explain, nearest
from sessions.errors import SpecError
from sessions.parameters import SLUG
from sessions.settings import Settings

_OWN_FIELD = re.compile(r"(\w+): (.*)", re.DOTALL)


def check_files(
    paths: Sequence[Path], settings: Settings, *, root: Path | None = None, now: datetime | None = None
) -> list[Problem]:
    """Everything that is wrong in the definition files; empty if all can be deployed as they are.

    Args:
        paths: the files.
        settings: which models are enabled, and the default ones.
        root: the repository, from which prompt files are named and in whose `deployments/` no other session may have
            the same name; the working directory if it is not given.
        now: by which a moment is past.

    Raises:
        SettingsError: the models file of the settings cannot be read.
    """
    root, now = root or Path.cwd(), now or datetime.now(UTC)
    problems: list[Problem] = []
    documents: list[Document] = []
    for path in dict.fromkeys(paths):
        try:
            documents.append(read_document(path))
        except DocumentError as error:
            problems.append(Problem(file=path, line=error.line, field="file", message=str(error)))
    for document in documents:
        problems += _check_document(document, settings, root, now)
    siblings = list(_siblings(root, paths))
    problems += [*_check_names(documents, siblings), *check_rule_sessions(documents, siblings)]
    return sorted(problems, key=lambda problem: (str(problem.file), problem.line))


def check_text(text: str, file: Path, settings: Settings, *, root: Path, now: datetime) -> list[Problem]:
    """Everything that would be wrong if `text` stood in the definition file `file`; see `check_files`."""
    try:
        document = parse_document(text, file)
    except DocumentError as error:
        return [Problem(file=file, line=error.line, field="file", message=str(error))]
    siblings = list(_siblings(root, [file]))
    problems = [
        *_check_document(document, settings, root, now),
        *_check_names([document], siblings),
        *check_rule_sessions([document], siblings),
    ]
    return sorted(problems, key=lambda problem: problem.line)


def errors_in(problems: Iterable[Problem]) -> list[Problem]:
    """Those of the problems that keep everything from being deployed."""
    return [problem for problem in problems if problem.severity == "error"]


def _check_document(document: Document, settings: Settings, root: Path, now: datetime) -> Iterator[Problem]:
    yield from _check_top(document)
    try:
        listed = listed_deployments(document.content)
    except SpecError as error:
        line = document.line_of((error.field,))
        yield Problem(file=document.file, line=line, field=error.field, message=str(error))
        return
    for index, raw in enumerate(listed):
        if not isinstance(raw, dict):
            yield place(Finding((), "is not a deployment; begin it with `- name:`"), document, index)
            continue
        for finding in dict.fromkeys(check_deployment(raw, settings, root, now)):
            yield place(finding, document, index)


def _check_top(document: Document) -> Iterator[Problem]:
    if not isinstance(document.content, dict):
        return
    for key in document.content:
        if key not in TOP_KEYS:
            message = f"is not known here; {nearest(str(key), TOP_KEYS)}"
            yield Problem(file=document.file, line=document.line_of((str(key),)), field=str(key), message=message)
    pull = document.content.get("pull")
    findings = list(check_texts({"pull": pull}))
    if pull is not None and not (isinstance(pull, list) and all(isinstance(step, dict) for step in pull)):
        findings.append(Finding(("pull",), "is not a list of steps; write each on lines after `- `"))
    for finding in findings:
        line = document.line_of(finding.location)
        yield Problem(file=document.file, line=line, field="pull", message=finding.message)


def check_deployment(raw: Mapping[str, object], settings: Settings, root: Path, now: datetime) -> Iterator[Finding]:
    """What is wrong with one deployment as it stands in a definition, or as it would."""
    found = [*_check_form(raw), *_check_identity(raw)]
    parameters = raw.get("parameters", {})
    if isinstance(parameters, Mapping):
        base = list(_check_parameters(raw, parameters, settings, root))
        found += [finding.within("parameters") for finding in base]
        for index, own in own_parameters(raw):
            both = _check_parameters(raw, {**parameters, **own}, settings, root)
            found += [new.within("schedules", index, "parameters") for new in both if new not in base]
    found += [*check_schedules(raw, now), *check_rule_hours(raw, now)]
    yield from found
    known = {finding.location for finding in found}
    yield from (finding for finding in check_texts(raw) if finding.location not in known)


def _check_parameters(
    raw: Mapping[str, object], parameters: Mapping[str, object], settings: Settings, root: Path
) -> Iterator[Finding]:
    if is_dispatch(raw):
        return check_dispatch_parameters(parameters)
    return check_parameters(parameters, settings, root)


def _check_form(raw: Mapping[str, object]) -> Iterator[Finding]:
    """Wrong, unknown and missing keys. Parameters have a check of their own."""
    try:
        Definition.model_validate({key: value for key, value in raw.items() if key != "parameters"}, strict=True)
    except ValidationError as error:
        for fault in error.errors():
            yield _with_own_field(Finding(tuple(fault["loc"]), explain(fault, Definition)))
    if not isinstance(raw.get("parameters", {}), Mapping):
        yield Finding(("parameters",), "is not a mapping; write `prompt_file: …` and other parameters under it")


def _with_own_field(finding: Finding) -> Finding:
    """A rule over several fields names the one it is about in front of its sentence."""
    match = _OWN_FIELD.fullmatch(finding.message)
    if match and match[1] in ScheduleEntry.model_fields:
        return Finding((*finding.location, match[1]), match[2])
    return finding


def _check_identity(raw: Mapping[str, object]) -> Iterator[Finding]:
    name, entrypoint = raw.get("name"), raw.get("entrypoint")
    if isinstance(name, str) and (not re.fullmatch(SLUG, name) or len(name) > LONGEST_NAME):
        rule = f"takes lower-case letters, digits and hyphens, at most {LONGEST_NAME}"
        yield Finding(("name",), f"{name!r} {rule}; for example {slug_of(name)}")
    if isinstance(entrypoint, str) and entrypoint not in (ENTRYPOINT, DISPATCH_ENTRYPOINT) and "{{" not in entrypoint:
        message = f"must be {ENTRYPOINT}, or {DISPATCH_ENTRYPOINT}; other flows belong into prefect.yaml"
        yield Finding(("entrypoint",), message)
    tags = raw.get("tags")
    if isinstance(tags, list) and (fault := tags_fault(tag for tag in tags if isinstance(tag, str))):
        yield Finding(("tags",), fault)


def _siblings(root: Path, paths: Sequence[Path]) -> Iterator[Document]:
    """The other definitions of the repository, as far as they can be read."""
    checked = {path.resolve() for path in paths}
    for path in find_definitions(root):
        if path.resolve() not in checked:
            try:
                yield read_document(path)
            except DocumentError:
                continue  # a fault of a file that was not asked about


def _names_in(document: Document) -> Iterator[tuple[str, int]]:
    listed = document.content.get("deployments") if isinstance(document.content, dict) else None
    for index, raw in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(raw, dict) and isinstance(raw.get("name"), str):
            yield raw["name"], index


def _check_names(documents: Iterable[Document], siblings: Iterable[Document]) -> Iterator[Problem]:
    places = {
        name: f"{document.file}:{document.line_of(('deployments', index, 'name'))}"
        for document in siblings
        for name, index in _names_in(document)
    }
    for document in documents:
        for name, index in _names_in(document):
            here = f"{document.file}:{document.line_of(('deployments', index, 'name'))}"
            if (other := places.setdefault(name, here)) != here:
                message = f"{name!r} is also the name of the session at {other}; give one of them another"
                yield place(Finding(("name",), message), document, index)
