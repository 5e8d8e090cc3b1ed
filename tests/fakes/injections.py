"""The labelled texts in `corpora/injections`."""

from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

CORPUS = Path(__file__).resolve().parent.parent / "corpora" / "injections"


@cache
def _loaded(name: str) -> Any:  # noqa: ANN401 - what the file holds
    return YAML(typ="safe").load((CORPUS / f"{name}.yaml").read_text(encoding="utf-8"))


def attempts() -> list[str]:
    """Words that must reach no belief and no context."""
    return [text.replace("•", "") for texts in _loaded("attempts").values() for text in texts]


def harmless() -> list[str]:
    """Sentences that must not be kept from an agent."""
    return list(_loaded("harmless"))


def laundered() -> list[dict[str, str]]:
    """Words of a page that the agent repeats: `said`, `repeated`, and the `quote` and `text` made of that."""
    return list(_loaded("laundered"))
