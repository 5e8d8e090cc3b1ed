"""How an API looks from outside. The server behind it is one, and so is the script."""

from collections.abc import Iterator
from typing import Protocol

from starlette.requests import Request

from sessions.offline.message import JsonObject, Message
from sessions.offline.script import ApiFault


class Wire(Protocol):
    """What is particular to one API: how it asks, answers, streams and complains.

    Every event is complete bytes of server-sent events. `key_variable` names what a person sets to use the real API.
    """

    key_variable: str

    def asked(self, http: Request, sent: JsonObject) -> JsonObject:
        """The body of a request, in the words of the Messages API.

        Raises:
            RequestError: it is not a body of this API.
        """
        ...

    def whole(self, message: Message) -> JsonObject:
        """The body of an answer that is not streamed."""
        ...

    def opening(self, message: Message) -> bytes:
        """What starts a stream."""
        ...

    def block_events(self, message: Message, index: int) -> Iterator[bytes]:
        """The events of one content block; without the last of them it is torn."""
        ...

    def closing(self, message: Message) -> bytes:
        """What ends a stream: why it stopped, and what it used."""
        ...

    def breaking(self, fault: ApiFault) -> bytes:
        """An error in the middle of a stream."""
        ...

    def error(self, fault: ApiFault) -> tuple[int, JsonObject]:
        """The HTTP status and the body of an error."""
        ...


def halves(text: str) -> list[str]:
    """Two pieces, so that no reader of a stream gets away with looking at one."""
    middle = len(text) // 2
    return [part for part in (text[:middle], text[middle:]) if part]
