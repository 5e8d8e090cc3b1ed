"""What runs committed and nobody has, because it was never pushed."""

from deployments.examination import Examined, doubtful
from sessions.errors import RepositoryError
from sessions.settings import Settings
from sessions.workspace import count_unpushed, say_unpushed

_REMEDY = "push what is wanted, and delete the rest there with: git branch -D BRANCH"


def examine_unpushed(settings: Settings) -> list[Examined]:
    """A line for each mirror on this machine that has branches which were never pushed; mostly none."""
    try:
        counts = count_unpushed(settings)
    except RepositoryError as error:
        return [doubtful("unpushed", str(error), "see the line about git")]
    return [doubtful("unpushed", say_unpushed(count, folder), _REMEDY) for folder, count in counts.items()]
