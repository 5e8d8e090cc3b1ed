"""What went into a context and why, and what was left out and why: for the reader in the morning, not for the agent."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel

ItemKind = Literal["signal", "thread", "belief", "journal", "observation", "vital", "project", "maintenance"]
NO_ROOM = "no room: the context is as long as it may be"
#: Followed by how many of its section may stand.
NOT_AMONG = "not among the first"


class Candidate(BaseModel, frozen=True):
    """Something that could stand in the context.

    `id` is what `sessions memory show` opens; for projects and vitals that is their name. What code found out has its
    title for an id, and can be opened by those in `about`, from which it was computed. A line of the maintenance list
    has its number in that file.
    `left_out` says why it does not stand there; empty if it does.
    """

    id: str
    kind: ItemKind
    section: str
    why: str
    about: tuple[str, ...] = ()
    left_out: str = ""


class Manifest(BaseModel, frozen=True):
    """One context: how long it may be and is, all that was weighed for it, and how many active observations were not.

    `tokens` are estimated, at four characters each.
    """

    session: str
    agent: str
    at: AwareDatetime
    tokens: int
    most_tokens: int
    lines: int
    candidates: list[Candidate]
    not_weighed: int = 0
    not_weighed_why: str = "neither among those that speak to the prompt nor among the newest"


class Context(BaseModel, frozen=True):
    """What an agent starts with, and where each line of it comes from."""

    text: str
    manifest: Manifest
