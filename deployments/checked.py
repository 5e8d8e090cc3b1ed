"""Definitions that were checked before anything is done with them."""

from collections.abc import Sequence
from pathlib import Path

from deployments.check import check_files, errors_in
from deployments.definitions import Definition, find_definitions, load_definitions
from sessions.errors import SpecError
from sessions.settings import Settings


def load_checked(paths: Sequence[Path], root: Path, settings: Settings) -> list[Definition]:
    """The sessions in some files, if nothing is wrong with any of them.

    Raises:
        SpecError: what is wrong, a line each.
    """
    if errors := errors_in(check_files(paths, settings, root=root)):
        raise SpecError("\n".join(map(str, errors)), field=errors[0].field)
    return [item for path in paths for item in load_definitions(path)]


def load_all(root: Path, settings: Settings) -> list[Definition]:
    """All sessions of a repository, and the housekeeping of its `prefect.yaml`.

    Raises:
        SpecError: what is wrong, a line each.
    """
    own = root / "prefect.yaml"
    housekeeping = load_definitions(own) if own.exists() else []
    return [*load_checked(find_definitions(root), root, settings), *housekeeping]
