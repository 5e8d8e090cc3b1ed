"""What speaks for something that the extraction model gave: words of the transcript, their place, whose they are."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic import BaseModel

from sessions.claims import share_a_word
from sessions.memory.things import Observation, Origin
from sessions.quarantine import why_quarantined
from sessions.quotes import Borrowed, QuotedTranscript, least_trusted, plain
from sessions.redaction import Redactor
from sessions.transcript import Entry

#: More is no observation: a page that was copied, or an answer that went astray.
TEXT_CHARACTERS = 1_000
CONTEXT_CHARACTERS = 400
#: Origins as a person reads them.
WHOSE: dict[Origin, str] = {"owner": "the owner", "agent": "the agent", "tool": "a tool", "web": "a web page"}


class NotKeptError(Exception):
    """What was given cannot be kept; the message says why, in a clause. It is caught where items are gone through."""


class Grounds(BaseModel, frozen=True):
    """The words that something rests on: the quote, its entry, whose words they are, when they came, and after what."""

    quote: str
    span: str
    origin: Origin
    at: datetime
    context: str


class Evidence:
    """A transcript as evidence.

    Args:
        transcript: what was said and done.
        known: observations that the agent may have repeated.
        texts: all that will be asked for.
        redact: takes secrets out; what loses some by it is a secret.
        workflow_prompt: what of the prompt is no word of the owner's.
    """

    def __init__(
        self,
        transcript: Sequence[Entry],
        known: Iterable[Observation],
        texts: Iterable[str],
        redact: Redactor,
        *,
        workflow_prompt: str = "",
    ) -> None:
        # The transcript has it without secrets.
        self._workflow_prompt = redact(workflow_prompt)
        self._quotes = QuotedTranscript(transcript)
        self._borrowed = Borrowed(transcript, known, texts, not_the_owners=self._workflow_prompt)
        self._redact = redact

    def grounds(self, quote: str, text: str) -> Grounds:
        """What speaks for `text`.

        Raises:
            NotKeptError: the quote is not in the transcript, or one of the two is too long.
        """
        if max(len(quote), len(text)) > TEXT_CHARACTERS:
            raise NotKeptError(f"it is longer than {TEXT_CHARACTERS} characters")
        place = self._quotes.find(quote)
        if place is None:
            raise NotKeptError("its quote is not in the transcript")
        entry = self._quotes.entries[place]
        return Grounds(
            quote=quote.strip(),
            span=str(place),
            origin=least_trusted(self._origin_at(place, quote), self.origin(quote), self.origin(text)),
            at=entry.at,
            context=self._quotes.before(place, CONTEXT_CHARACTERS),
        )

    def _origin_at(self, place: int, quote: str) -> Origin:
        """Whose words the quote is, by its place; what a workflow led the prompt with is a file's."""
        origin, led = self._quotes.origins[place], plain(self._workflow_prompt)
        if origin == "owner" and led:
            own = plain(self._quotes.entries[place].text).removeprefix(led)
            return "owner" if plain(quote) in own else "tool"
        return origin

    def trusted_grounds(self, quote: str, text: str, *, about: str = "") -> Grounds:
        """What speaks for `text`, which makes the agent believe something, or not believe it any more.

        Raises:
            NotKeptError: as `grounds`; or they are no words of the owner or the agent, have no word in common with
                `text` or with what it is `about`, or must not be shown to an agent.
        """
        grounds = self.grounds(quote, text)
        if grounds.origin not in ("owner", "agent"):
            raise NotKeptError(f"it rests on words of {WHOSE[grounds.origin]}")
        if not share_a_word(quote, f"{text} {about}"):
            raise NotKeptError("its quote says nothing of it")
        self.require_shown(quote, text, origin=grounds.origin)
        return grounds

    def span_of_writing(self, said: str, quote: str) -> str:
        """The entry in which the agent wrote what `said` has on its lines, or said `quote`; empty if there is none."""
        written = self._quotes.find_written(said.split("\n"))
        return _span(self._quotes.find(quote) if written is None else written)

    @property
    def last_span(self) -> str:
        """The last entry in which the agent said or did something; empty if it did nothing."""
        return _span(self._quotes.last_said)

    def origin(self, text: str) -> Origin:
        """Whose words `text` repeats; the owner's if nobody's."""
        return self._borrowed.origin(text)

    def why_hidden(self, *texts: str, origin: Origin) -> str:
        """Why an agent must not be shown these texts; empty if it may."""
        if any(self._redact(text) != text for text in texts):
            return "it holds a secret"
        return next((why for text in texts if (why := why_quarantined(text, origin=origin))), "")

    def require_shown(self, *texts: str, origin: Origin) -> None:
        """Raises NotKeptError if an agent must not be shown these texts."""
        if why := self.why_hidden(*texts, origin=origin):
            raise NotKeptError(why)

    def clean(self, text: str) -> str:
        """`text` without secrets."""
        return self._redact(text)


def _span(place: int | None) -> str:
    return "" if place is None else str(place)
