"""A channel that keeps what it is given, or refuses it as it is told."""

from dataclasses import dataclass, field

from sessions.channels.address import fill_in
from sessions.channels.base import Message
from sessions.errors import DeliveryError


@dataclass
class RecordingChannel:
    """Passes the channels' contract. `refusals` are raised one after the other before anything is taken."""

    repeatable: bool = True
    refusals: list[DeliveryError] = field(default_factory=list)
    taken: dict[str, Message] = field(default_factory=dict)
    tries: int = 0

    async def check(self, to: str) -> None:
        fill_in(to, {})

    async def send(self, message: Message, to: str) -> str:
        self.tries += 1
        where = fill_in(to, {})
        if self.refusals:
            raise self.refusals.pop(0)
        self.taken[message.key] = message
        return where
