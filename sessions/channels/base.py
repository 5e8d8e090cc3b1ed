"""Where reports go: one Protocol, the message, and the receipt."""

from typing import Literal, Protocol

from pydantic import BaseModel, JsonValue

from sessions.outcome import Outcome


class Message(BaseModel, frozen=True):
    """A report on its way out, already redacted.

    `key` is the same for every attempt at one message to one target, so that a receiver can tell a repetition.
    `facts` is what a program would read: slot, outcome, cost and so on. Two of them are used by channels: `slot`, the
    ISO time of the slot, names files, and `report`, where the whole report is, ends a message that had to be cut.
    """

    key: str
    title: str
    markdown: str
    session: str
    run_id: str
    outcome: Outcome
    facts: dict[str, JsonValue] = {}


class Receipt(BaseModel, frozen=True):
    """What is known after one target was tried.

    `key` is the message's, and tells the receipts of one run apart; `target` is for people and holds no secret.
    `unknown`: the process died between sending and writing down that it had; it is not sent again.
    """

    key: str = ""
    target: str
    status: Literal["pending", "sending", "delivered", "failed", "unknown"]
    detail: str = ""
    attempts: int = 0


class Channel(Protocol):
    """Takes a message to one kind of target."""

    #: Whether the receiver can tell a repetition by the message's key, so that sending again after a crash is safe.
    repeatable: bool

    async def send(self, message: Message, to: str) -> str:
        """Deliver it; returns where it went, for people, without secrets.

        Raises:
            DeliveryError: it was not taken; says whether trying again can help.
        """
        ...

    async def check(self, to: str) -> None:
        """Whether a message could be sent there, as far as can be told without sending one.

        Raises:
            DeliveryError: it could not; not retryable where it never can.
        """
        ...
