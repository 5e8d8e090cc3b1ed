"""Every setting, read from the environment in this one place."""

import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, get_args

import platformdirs
from pydantic import BaseModel, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pydantic_settings import SettingsError as NotJsonError

from sessions.errors import ModelError, SettingsError
from sessions.models import Provider, find_model
from sessions.parameters import SLUG

#: A line at the end of a commit message, as git reads it.
Trailer = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]*: \S[^\r\n]*$")]
#: For each provider, what a person sets to reach its models.
_ACCESS: dict[Provider, str] = {
    "anthropic": "ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL to a server that speaks the Messages API",
    "google": "GEMINI_API_KEY, or GOOGLE_GEMINI_BASE_URL to a server that speaks the Gemini API",
}


class ModelAccess(BaseModel, frozen=True):
    """A provider's key and address; an empty address is the provider's own."""

    api_key: SecretStr
    base_url: str

    @property
    def is_set(self) -> bool:
        """Whether a call can be tried at all; a server at an address of one's own may want no key."""
        return bool(self.api_key.get_secret_value() or self.base_url)


class Settings(BaseSettings):
    """The project's settings, each in the environment as `SESSIONS_` and the field in capitals, unless it says else."""

    model_config = SettingsConfigDict(env_prefix="SESSIONS_", populate_by_name=True, extra="ignore", frozen=True)

    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("sessions", appauthor=False)),
        description="Local state: runs, memory, repository mirrors, the local Prefect server.",
    )
    memory_url: str = Field(
        "", description="`sqlite:///PATH`, or `firestore://PROJECT/DATABASE`. Empty: memory.sqlite3 in the home."
    )
    memory_embedder: str = Field(
        "static",
        pattern=r"^(static|gemini/[\w.-]+)$",
        description="What turns observations into vectors: static, which works offline, or gemini/MODEL, such as "
        "gemini/gemini-embedding-001. A memory keeps to the one it was built with until `sessions memory reindex`.",
    )
    model: str = Field("claude-sonnet-4-5", description="The project's default model.")
    agent_models: dict[str, str] = Field(
        default_factory=dict,
        description='Default model for each agent, as JSON: {"main": "claude-haiku-4-5"}.',
    )
    models_file: Path | None = Field(None, description="More models, in the form of sessions/models.toml.")
    enabled_models: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Gated models that may be used, separated by commas, each in any of its spellings."
    )
    extraction_model: str = Field("claude-haiku-4-5", description="Which model turns a transcript into observations.")
    inactivity_timeout_seconds: int = Field(
        86400, ge=0, description="For sessions that give -1: how long an agent may be idle. 0: for ever."
    )
    answer_wait_seconds: int = Field(
        43200,
        ge=1,
        le=14 * 24 * 3600,
        description="How long a run whose `unattended` is pause waits for an answer to a question; it then ends as "
        "needs_input.",
    )
    loop_warn_after: int = Field(
        5, ge=0, description="An agent is warned after so many calls that go in circles. 0: never."
    )
    loop_stop_after: int = Field(
        20, ge=0, description="A run is stopped after so many calls that go in circles. 0: never."
    )
    runs_per_day: int = Field(
        0, ge=0, description="For sessions that give 0: how many runs one agent may have in a day. 0: any number."
    )
    cost_per_day_usd: float = Field(
        0.0,
        ge=0,
        description="For sessions that give 0: the US dollars that one agent may spend in a day. 0: no limit.",
    )
    agent_runs_per_day: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description='SESSIONS_RUNS_PER_DAY of single agents, as JSON: {"main": 12}.'
    )
    agent_cost_per_day_usd: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=dict, description='SESSIONS_COST_PER_DAY_USD of single agents, as JSON: {"main": 2.5}.'
    )
    interactive_quiet_seconds: float = Field(
        600.0, ge=0, description="A conversation with a person is learned from when it ended, or was quiet so long."
    )
    sandbox: Literal["off", "auto", "on"] = Field(
        "off",
        description="Whether bubblewrap keeps agents from everything but their workspace and the system's folders. "
        "`auto`: where it works. `on`: no run begins where it does not. Linux only.",
    )
    sandbox_read: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="Further folders that agents may read in the sandbox, separated by commas."
    )
    context_tokens: int = Field(6000, ge=500, description="The most that the context may take, in tokens.")
    stale_after_days: float = Field(
        7.0, gt=0, description="From which age on a context says loudly that what is learned or consolidated is old."
    )
    agent_env: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Names of further variables that the agent's process may see, separated by commas. This "
        "project's own are refused, and those of clouds and of Langfuse.",
    )
    webhook_timeout_seconds: float = Field(10.0, gt=0, description="How long one delivery attempt may take.")
    delivery_retries: int = Field(2, ge=0, le=10, description="How often a delivery is tried again within its run.")
    delivery_retry_seconds: float = Field(5.0, ge=0, le=60, description="Wait before the first of them; it doubles.")
    git_name: str = Field("Scheduled Sessions", description="Author of the agent's commits.")
    git_email: str = Field("sessions@localhost", description="Mail address of that author.")
    git_trailers: Annotated[tuple[Trailer, ...], NoDecode] = Field(
        (),
        description="Further lines that every commit ends with, such as `Signed-off-by: Night Bot <bot@example.com>`, "
        "separated by semicolons.",
    )
    git_timeout_seconds: float = Field(120.0, gt=0, description="How long to wait for a repository's lock, or for git.")
    model_retries: int = Field(2, ge=0, description="How often a model call that failed for the moment is tried again.")

    anthropic_api_key: SecretStr = Field(
        SecretStr(""), validation_alias="ANTHROPIC_API_KEY", description="Key of the Anthropic API."
    )
    anthropic_base_url: str = Field(
        "", validation_alias="ANTHROPIC_BASE_URL", description="Any server that speaks the Messages API."
    )
    gemini_api_key: SecretStr = Field(
        SecretStr(""), validation_alias="GEMINI_API_KEY", description="Key of the Gemini API."
    )
    gemini_base_url: str = Field(
        "", validation_alias="GOOGLE_GEMINI_BASE_URL", description="Any server that speaks the Gemini API."
    )
    firestore_emulator_host: Annotated[str, Field(pattern=r"^$|^[\w.-]+:\d+$|^\[[\d:a-f]+\]:\d+$")] = Field(
        "",
        validation_alias="FIRESTORE_EMULATOR_HOST",
        description="`HOST:PORT` of a Firestore emulator, which then stands in for Firestore.",
    )
    telegram_bot_token: SecretStr = Field(
        SecretStr(""), validation_alias="TELEGRAM_BOT_TOKEN", description="For channel telegram."
    )
    slack_webhook_url: SecretStr = Field(
        SecretStr(""), validation_alias="SLACK_WEBHOOK_URL", description="For channel slack."
    )
    discord_webhook_url: SecretStr = Field(
        SecretStr(""), validation_alias="DISCORD_WEBHOOK_URL", description="For channel discord."
    )

    @field_validator("enabled_models", "agent_env", "sandbox_read", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("git_trailers", mode="before")
    @classmethod
    def _split_at_semicolons(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(";") if part.strip()) if isinstance(value, str) else value

    @field_validator("git_trailers")
    @classmethod
    def _not_ours(cls, trailers: tuple[str, ...]) -> tuple[str, ...]:
        """By those of our own a repetition knows the commits of its run."""
        for line in trailers:
            if line.partition(":")[0].lower() in ("session", "session-run"):
                raise ValueError(f"{line!r} is a trailer that every commit has already; give others")
        return trailers

    @field_validator("enabled_models")
    @classmethod
    def _ids(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        """Whoever asks whether a model is enabled asks by its id."""
        try:
            return tuple(find_model(name, info.data.get("models_file")).id for name in names)
        except ModelError as error:
            raise ValueError(str(error)) from error

    @field_validator("agent_models", "agent_runs_per_day", "agent_cost_per_day_usd")
    @classmethod
    def _by_agents(cls, given: dict[str, object]) -> dict[str, object]:
        """A limit for a name that no agent can have would limit nobody."""
        for name in given:
            if not re.fullmatch(SLUG, name):
                raise ValueError(f"{name!r} is no agent's name; those are of lower-case letters, digits and hyphens")
        return given

    @field_validator("loop_warn_after", "loop_stop_after")
    @classmethod
    def _more_than_one(cls, calls: int) -> int:
        if calls == 1:
            raise ValueError("one call is no circle; give 2 or more, or 0 for never")
        return calls

    @cached_property
    def memory_address(self) -> str:
        """The memory's URL with its default filled in."""
        return self.memory_url or f"sqlite:///{self.home / 'memory.sqlite3'}"

    def model_for(self, agent: str, asked: str = "") -> str:
        """The model that runs: what was asked for, then the agent's default, then the project's."""
        return asked or self.agent_models.get(agent, self.model)

    def runs_per_day_for(self, agent: str, asked: int = 0) -> int:
        """How many runs `agent` may have in a day: what a session asks for, then the agent's own number, then all's."""
        return asked or self.agent_runs_per_day.get(agent, self.runs_per_day)

    def cost_per_day_usd_for(self, agent: str, asked: float = 0.0) -> float:
        """What `agent` may spend in a day: what a session asks for, then the agent's own number, then all's."""
        return asked or self.agent_cost_per_day_usd.get(agent, self.cost_per_day_usd)

    def model_access(self, provider: Provider) -> ModelAccess:
        """How the models of `provider` are reached."""
        if provider == "google":
            return ModelAccess(api_key=self.gemini_api_key, base_url=self.gemini_base_url)
        return ModelAccess(api_key=self.anthropic_api_key, base_url=self.anthropic_base_url)

    def require_model_access(self, provider: Provider | None = None) -> ModelAccess:
        """How the models of `provider` are reached; without one, those of the first that can be.

        Raises:
            SettingsError: neither a key nor a base address is set.
        """
        asked = (provider,) if provider else get_args(Provider)
        found = next((access for access in map(self.model_access, asked) if access.is_set), None)
        if found:
            return found
        whose = f"no model of {provider}" if provider else "no model"
        remedy = "; or ".join(_ACCESS[each] for each in asked)
        raise SettingsError(f"{whose} can be reached: set {remedy}, in the environment of the worker")


def read_settings() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: a value in the environment cannot be used; the sentence names the variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        variable = name if name.isupper() else f"SESSIONS_{name.upper()}"
        raise SettingsError(f"{variable}: {first['msg'].removeprefix('Value error, ')}") from error
    except NotJsonError as error:
        field = re.search(r'field "(\w+)"', str(error))
        variable = f"SESSIONS_{field[1].upper()}" if field else "a SESSIONS_… variable"
        raise SettingsError(f"{variable}: is not JSON; see its form in the table of settings") from error
