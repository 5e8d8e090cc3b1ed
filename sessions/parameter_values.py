"""What a parameter of a session may hold that is more than a word or a number."""

from pathlib import PurePosixPath
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

ChannelName = Literal["file", "webhook", "telegram", "slack", "discord", "apprise"]


class Repo(BaseModel, extra="forbid"):
    """A git repository that the agent works on."""

    url: str = Field(
        min_length=1,
        title="URL",
        description="Where to clone from: https, ssh, or a path; `.` is the checkout that runs the session. "
        "No credentials in it.",
    )
    branch: str = Field("", title="Branch", description="Empty: the repository's default branch.")
    auto_push: bool = Field(
        default=False,
        title="Push what the agent committed or changed",
        description="Off: changes are kept with the run and reported.",
    )


class WorkflowFolder(BaseModel, extra="forbid"):
    """A folder in git whose folder `.ambient` holds `ambient.json`: name, description, system and start-up prompt."""

    git_url: str = Field(
        "",
        title="URL",
        description="Where its repository is, as in repos. Empty: no workflow.",
    )
    branch: str = Field("", title="Branch", description="Empty: the repository's default branch.")
    path: str = Field("", title="Path", description="Of the folder, from the root of that repository.")

    @model_validator(mode="after")
    def _is_one_or_none(self) -> Self:
        if not self.git_url and (self.branch or self.path):
            raise ValueError("git_url: is missing; say in which repository the workflow is")
        path = PurePosixPath(self.path)
        if path.is_absolute() or ".." in path.parts or "\\" in self.path:
            raise ValueError(f"path: {self.path} is outside the repository; give it from the repository's root")
        return self


class DeliveryTarget(BaseModel, extra="forbid"):
    """Where the report goes."""

    mode: Literal["announce", "none"] = Field(
        "announce", title="Mode", description="none: the target is kept but nothing is sent to it."
    )
    channel: ChannelName = Field(title="Channel")
    to: str = Field(
        "",
        title="To",
        description="file: a path. webhook and apprise: a URL. telegram: CHAT, CHAT:topic:TOPIC or CHAT:TOPIC. "
        "slack, discord: empty for the address in the environment. `${NAME}` is read from the environment of "
        "the worker when the report is sent, so that no secret stands here.",
    )
    best_effort: bool = Field(
        default=False,
        title="Best effort",
        description="On: tried once, and a failure raises no alert at failure_delivery. It is recorded all the same.",
    )

    @model_validator(mode="after")
    def _needs_an_address(self) -> Self:
        if self.channel in ("file", "webhook", "telegram", "apprise") and not self.to.strip():
            raise ValueError(f"channel {self.channel} needs `to`")
        return self
