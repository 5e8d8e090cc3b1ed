"""Whether the models that sessions ask for will still be there."""

from collections.abc import Sequence
from datetime import date, timedelta

from deployments.definitions import Definition
from deployments.examination import Examined, bad, doubtful, good
from sessions.errors import ModelError
from sessions.models import Model, find_model
from sessions.settings import Settings

#: From how long before its announced end a model is spoken of.
NOTICE = timedelta(days=60)


def examine_models(settings: Settings, definitions: Sequence[Definition], today: date) -> list[Examined]:
    """One line for each model that is used and whose end is near or past; one line that says so if there is none."""
    used = _used(settings, definitions)
    ending = {model: users for model, users in used.items() if model.ends_on and model.ends_on - today <= NOTICE}
    if not ending:
        return [good("models", f"no end is near: {', '.join(model.id for model in used)}")]
    return [_line(model, users, today) for model, users in ending.items()]


def _used(settings: Settings, definitions: Sequence[Definition]) -> dict[Model, list[str]]:
    asked = [(settings.extraction_model, "the extraction")]
    for definition in definitions:
        agent, name = definition.parameters.get("agent", "main"), definition.parameters.get("model", "")
        asked.append((settings.model_for(str(agent), str(name)), definition.name))
    used: dict[Model, list[str]] = {}
    for name, user in asked:
        try:
            used.setdefault(find_model(name, settings.models_file), []).append(user)
        except ModelError:
            # Said with its remedy by the lines about the extraction and the definitions.
            continue
    return used


def _line(model: Model, users: Sequence[str], today: date) -> Examined:
    subject, remedy = f"model {model.id}", "choose another with `model`, SESSIONS_MODEL or SESSIONS_EXTRACTION_MODEL"
    whose = f"used by {', '.join(users)}"
    if model.ends_on and model.ends_on <= today:
        return bad(subject, f"its provider has ended it on {model.ends_on}; {whose}", remedy)
    return doubtful(subject, f"its provider ends it on {model.ends_on}; {whose}", remedy)
