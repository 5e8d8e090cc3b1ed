"""One question to a model whose answer follows a schema, whichever provider's model it is."""

from pydantic import BaseModel

from sessions.errors import SessionError
from sessions.models import Model, Usage
from sessions.settings import Settings


class ModelCallError(SessionError):
    """A call of a model failed; the message says why, without a full stop."""


class JsonQuestion(BaseModel, frozen=True):
    """What is asked, of which model, and the form that its answer shall have."""

    model: Model
    system: str
    prompt: str
    answer: type[BaseModel]
    max_tokens: int
    temperature: float = 0.0


class JsonAnswer(BaseModel, frozen=True):
    """What came: JSON, if the model kept to its schema, and whether it was cut off at the longest it may be.

    `answered_by` is what the server calls the model that answered, to be compared by `Model.why_not_from`; empty if it
    does not say.
    """

    text: str
    cut_off: bool
    usage: Usage
    answered_by: str = ""


async def ask_for_json(question: JsonQuestion, settings: Settings) -> JsonAnswer:
    """Ask once, with the key and the address of the model's provider.

    Raises:
        ModelCallError: the call failed, or its answer is not one of that API.
        SettingsError: neither a key nor an address of that provider is set.
    """
    access = settings.require_model_access(question.model.provider)
    # Each client takes up to a second to import.
    if question.model.provider == "google":
        from sessions.gemini_api import ask_gemini_for_json  # noqa: PLC0415

        return await ask_gemini_for_json(question, access, retries=settings.model_retries)
    from sessions.messages_api import ask_claude_for_json  # noqa: PLC0415

    return await ask_claude_for_json(question, access, retries=settings.model_retries)
