"""A workflow that somebody wrote down in git: what leads the agent's system prompt, and its first message."""

import difflib
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sessions.errors import WorkflowError
from sessions.parameter_values import Repo, WorkflowFolder
from sessions.settings import Settings
from sessions.workspace import SourceFile, read_source_file

FILE = ".ambient/ambient.json"
#: How like a field's name an unknown one must be to be taken for a slip of the pen.
_ALIKE = 0.75


class AmbientFile(BaseModel):
    """The fields of `ambient.json` that take effect here, in its own spelling; others may stand beside them."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True, extra="allow", frozen=True)

    name: str = Field("", max_length=200)
    description: str = ""
    system_prompt: str = ""
    startup_prompt: str = ""


class Workflow(BaseModel, frozen=True):
    """A workflow as it was read for one run.

    Attributes:
        source: its repository, folder and commit, for people.
        notes: what of its file has no effect here, each a sentence.
    """

    name: str
    system_prompt: str
    startup_prompt: str
    source: str
    notes: tuple[str, ...] = ()

    def lead_context(self, context: str) -> str:
        """What the agent starts with: the workflow's system prompt before everything else."""
        if not self.system_prompt:
            return context
        return f"# Workflow: {' '.join(self.name.split())}\n\n{self.system_prompt.strip()}\n\n{context}"

    def lead_prompt(self, prompt: str) -> str:
        """What the agent is asked: the workflow's start-up prompt, then the session's own."""
        return "\n\n".join(part for part in (self.startup_prompt.strip(), prompt) if part)


def lead_context(workflow: Workflow | None, context: str) -> str:
    """`context`, led by the workflow if there is one."""
    return workflow.lead_context(context) if workflow else context


def lead_prompt(workflow: Workflow | None, prompt: str) -> str:
    """`prompt`, led by the workflow if there is one."""
    return workflow.lead_prompt(prompt) if workflow else prompt


def read_workflow(folder: WorkflowFolder, *, root: Path, settings: Settings) -> Workflow | None:
    """The workflow of a session as its branch has it now; None where the session has none.

    Raises:
        RepositoryError: its repository cannot be had.
        WorkflowError: there is no such file in it, or it is not a workflow.
    """
    if not folder.git_url:
        return None
    path = (PurePosixPath(folder.path) / FILE).as_posix()
    repo = Repo(url=folder.git_url, branch=folder.branch)
    file = read_source_file(repo, path, ending=FILE, root=root, settings=settings)
    place = f"{file.url}: {path}"
    if file.content is None:
        raise WorkflowError(f"{place} is not in branch {file.branch} (commit {file.commit[:8]}); {_others(file)}")
    found = parse_ambient_file(file.content, place)
    return Workflow(
        name=found.name or PurePosixPath(folder.path or ".").name or repo.url,
        system_prompt=found.system_prompt,
        startup_prompt=found.startup_prompt,
        source=f"{file.url} {folder.path or '.'} at {file.commit[:8]}",
        notes=tuple(f"{path} also holds {name}, which has no effect here" for name in sorted(found.model_extra or {})),
    )


def parse_ambient_file(content: bytes, place: str) -> AmbientFile:
    """The content of an `ambient.json`; `place` is what people call it.

    Raises:
        WorkflowError: not JSON, a field of the wrong type or with a misspelt name, or nothing to ask of an agent.
    """
    try:
        found = AmbientFile.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise WorkflowError(f"{place}: {where + ': ' if where else ''}{first['msg']}; mend it there") from error
    known = [field.alias or name for name, field in AmbientFile.model_fields.items()]
    for name in found.model_extra or {}:
        if near := difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE):
            raise WorkflowError(f"{place}: {name} is not known; did you mean {near[0]}?")
    if not found.system_prompt.strip() and not found.startup_prompt.strip():
        raise WorkflowError(f"{place}: has neither systemPrompt nor startupPrompt; one of them says what to do")
    return found


def _others(file: SourceFile) -> str:
    folders = [str(PurePosixPath(path).parent.parent) for path in file.alike]
    return f"there are workflows in {', '.join(folders)}" if folders else "commit and push it there, or give its `path`"
