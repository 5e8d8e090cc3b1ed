"""Hears a Gemini model's answer from the client's stream: what is said, what it used, and how it ended."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx2
from google.genai import errors, types
from google.genai.models import AsyncModels

from sessions.gemini_api import NONSENSE, NOT_GEMINI, explain_gemini_error, usage_of, wait_seconds
from sessions.models import Model
from sessions.runners.base import Stop
from sessions.runners.tool_loop import Answer, AnswerError, Call
from sessions.runners.turn_log import TurnLog

_Reason = types.FinishReason
#: The provider's filters ended the answer.
_BLOCKED = {
    _Reason.SAFETY,
    _Reason.RECITATION,
    _Reason.BLOCKLIST,
    _Reason.PROHIBITED_CONTENT,
    _Reason.SPII,
    _Reason.ESCALATION,
    _Reason.MODEL_ARMOR,
}
#: The model slipped; asked again, it mostly does not.
_SLIPPED = {
    _Reason.MALFORMED_FUNCTION_CALL,
    _Reason.UNEXPECTED_TOOL_CALL,
    _Reason.MALFORMED_RESPONSE,
    _Reason.OTHER,
    _Reason.FINISH_REASON_UNSPECIFIED,
}
_CUT_OFF = {_Reason.MAX_TOKENS, _Reason.CONTINUATION}
#: Statuses of a server that may answer in a moment.
_FOR_THE_MOMENT = {408, 429, 500, 502, 503, 504}

Chunks = AsyncGenerator[types.GenerateContentResponse, None]


async def chunks_of(
    models: AsyncModels, model: str, contents: list[types.Content], config: types.GenerateContentConfig
) -> Chunks:
    """The pieces of one answer as they come; whatever the client trips over is one error.

    Raises:
        AnswerError: the server refused, broke off, or sent nonsense.
    """
    try:
        async for chunk in await models.generate_content_stream(model=model, contents=[*contents], config=config):
            yield chunk
    except errors.APIError as error:
        again = error.code in _FOR_THE_MOMENT
        raise AnswerError(explain_gemini_error(error), again=again, wait_seconds=wait_seconds(error)) from error
    except httpx2.TransportError as error:
        raise AnswerError(explain_gemini_error(error), again=True) from error
    except NONSENSE as error:
        raise AnswerError(NOT_GEMINI) from error


class Hearing:
    """One answer as it is heard. It goes into the log as it comes, and back to the model as it came."""

    def __init__(self, log: TurnLog) -> None:
        self._log = log
        self._heard = False
        self._parts: list[types.Part] = []
        self._speech: list[types.Part] = []
        self._said: list[str] = []
        self._calls: list[Call] = []
        self._usage: types.GenerateContentResponseUsageMetadata | None = None
        self._finish: types.FinishReason | None = None
        self._block_reason = ""
        self._answered_by = ""

    async def listen(self, chunks: Chunks) -> None:
        """Hear a whole answer; what was said and used is kept even if it breaks off."""
        try:
            async with aclosing(chunks):
                async for chunk in chunks:
                    self._hear(chunk)
        finally:
            if self._heard:
                self._end_speech()
                self._log.close_turn(usage_of(self._usage))

    def _hear(self, chunk: types.GenerateContentResponse) -> None:
        if not (chunk.candidates or chunk.usage_metadata or chunk.prompt_feedback):
            return
        self._log.transcript.sign()
        if not self._heard:
            self._heard = True
            self._log.open_turn()
        # Each count is of the whole answer so far.
        self._usage = chunk.usage_metadata or self._usage
        self._answered_by = chunk.model_version or self._answered_by
        if chunk.prompt_feedback and chunk.prompt_feedback.block_reason:
            self._block_reason = chunk.prompt_feedback.block_reason.value
        if chunk.candidates:
            self._hear_candidate(chunk.candidates[0])

    def _hear_candidate(self, candidate: types.Candidate) -> None:
        self._finish = candidate.finish_reason or self._finish
        for part in (candidate.content.parts if candidate.content else None) or ():
            self._parts.append(part)
            if part.function_call:
                self._end_speech()
                self._hear_call(part.function_call)
            elif part.text:
                self._hear_speech(part)

    def _hear_call(self, made: types.FunctionCall) -> None:
        # Not every model gives its calls ids.
        id_ = made.id or f"call_{self._log.turn}_{len(self._calls) + 1}"
        call = Call(id=id_, name=made.name or "", arguments=made.args or {})
        self._calls.append(call)
        self._log.add("tool_call", tool=call.name, tool_call_id=call.id, arguments=call.arguments)

    def _hear_speech(self, part: types.Part) -> None:
        if self._speech and bool(self._speech[0].thought) != bool(part.thought):
            self._end_speech()
        self._speech.append(part)

    def _end_speech(self) -> None:
        """Write down what came in several pieces as one."""
        text, pieces = "".join(part.text or "" for part in self._speech), self._speech
        self._speech = []
        if pieces and pieces[0].thought:
            self._log.add("thinking", text)
        elif pieces:
            self._log.add("text", text)
            self._said.append(text)

    @property
    def content(self) -> types.Content:
        """The answer's place in the conversation: every part with its signature, as the API wants it back."""
        kept: list[types.Part] = []
        for part in self._parts:
            if kept and _is_plain(part) and _is_plain(kept[-1]):
                kept[-1] = types.Part(text=f"{kept[-1].text}{part.text}")
            elif part.thought_signature or not (part.thought or part.text == ""):
                kept.append(part)
        return types.ModelContent(parts=kept)

    def judged(self, model: Model) -> Answer:
        """What the answer of `model` is, and how the run ends with it if it does.

        Raises:
            AnswerError: it is not a whole one.
        """
        if not self._heard:
            raise AnswerError(NOT_GEMINI)
        said = "\n\n".join(self._said)
        if self._block_reason:
            error = f"the provider blocked the prompt ({self._block_reason}); word the task otherwise"
            return Answer(stop=Stop.REFUSED, error=error)
        if other := model.why_not_from(self._answered_by):
            return Answer(text=said, stop=Stop.FAILED, error=other)
        if self._finish is None:
            raise AnswerError("the answer ended before it was complete", again=True)
        return self._finished(self._finish, said)

    def _finished(self, reason: types.FinishReason, said: str) -> Answer:
        if reason in _SLIPPED:
            raise AnswerError(f"the model did not finish its answer ({reason.value})", again=True)
        if reason in _BLOCKED:
            error = f"the provider blocked the model's answer ({reason.value}); word the task otherwise"
            return Answer(text=said, stop=Stop.REFUSED, error=error)
        if reason in _CUT_OFF:
            return Answer(text=said, stop=Stop.FINISHED, cut_off=True)
        if reason is not _Reason.STOP:
            return Answer(text=said, stop=Stop.FAILED, error=f"the Gemini API ended the answer for {reason.value}")
        if not said and not self._calls:
            raise AnswerError("the model's answer was empty", again=True)
        return Answer(text=said, calls=tuple(self._calls), stop=None if self._calls else Stop.FINISHED)


def _is_plain(part: types.Part) -> bool:
    """Whether a part is text and nothing else; signed ones stay apart."""
    return part.text is not None and not part.thought and not part.thought_signature
