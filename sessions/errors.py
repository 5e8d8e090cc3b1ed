"""The one tree of errors. Each carries a sentence for a person: what was wrong, where, what would be right.

    SessionError
    ├── SettingsError        a setting is missing or wrong
    ├── SpecError            a parameter or definition is wrong
    ├── PromptError          the prompt file cannot be used
    ├── ModelError           a model is unknown or gated
    ├── WorkflowError        the file of a workflow is missing or wrong
    ├── PreflightError       several things that a run needs are missing or wrong
    ├── RepositoryError      a repository cannot be read or written
    ├── ChangeGateError      the change gate cannot tell whether something changed
    ├── MemoryStoreError     the memory cannot be opened, read or written
    ├── RunnerError          the agent's runtime cannot be started
    ├── ExtractionError      the transcript could not be turned into observations
    ├── DeliveryError        one target did not take the report
    ├── ScriptError          the offline model's script is wrong, or it cannot be served
    ├── RunFolderError       the run's own files cannot be read or written
    ├── AnswerError          nobody asked, or it is no answer to what was asked
    └── ServerError          the Prefect server does not answer, or refuses

Expected ends of an agent (its limits, a refusal) are values of `sessions.outcome`, never errors.
"""


class SessionError(Exception):
    """Something a person can act on; `str(error)` is the whole sentence."""


class SettingsError(SessionError):
    """A setting is missing or wrong; the sentence names the environment variable."""


class SpecError(SessionError):
    """A parameter is wrong. `field` is its name as in the definition."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class PromptError(SpecError):
    """The prompt file is missing, blank, not text, or outside the repository."""


class ModelError(SpecError):
    """The model is unknown, gated, or cannot be run by the chosen runner."""


class PreflightError(SessionError):
    """Things that a run needs before its agent starts are missing or wrong; the sentence names each with its remedy."""


class WorkflowError(SpecError):
    """The `ambient.json` of a workflow is missing, or is not one."""

    def __init__(self, message: str) -> None:
        super().__init__(message, field="workflow")


class RepositoryError(SessionError):
    """A repository cannot be cloned, read, committed to or pushed. `url` has no credentials in it."""

    def __init__(self, message: str, *, url: str) -> None:
        super().__init__(message)
        self.url = url


class ChangeGateError(SessionError):
    """The command or address of the change gate failed, so that nobody knows whether something changed."""


class MemoryStoreError(SessionError):
    """The memory cannot be opened, read or written. `url` names the store."""

    def __init__(self, message: str, *, url: str) -> None:
        super().__init__(message)
        self.url = url


class RunnerError(SessionError):
    """The agent's runtime could not be started at all."""


class ExtractionError(SessionError):
    """The extraction call failed or answered nonsense; the transcript is kept to try again."""


class DeliveryError(SessionError):
    """One target did not take the report. `retryable` says whether trying again can help."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class ScriptError(SessionError):
    """The offline model's script is wrong, or it cannot be served; the sentence names file and rule."""


class RunFolderError(SessionError):
    """The run's own files cannot be read or written: a full disk, a missing permission, a broken file."""


class AnswerError(SessionError):
    """A person's answer to an agent's question cannot be taken: nobody asked, or it is not one."""


class ServerError(SessionError):
    """The Prefect server does not answer, or refuses what was asked."""
