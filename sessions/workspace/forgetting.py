"""Takes back what a run left in the mirrors, when nobody keeps the run any more."""

from sessions.settings import Settings
from sessions.workspace.commit import kept_branch
from sessions.workspace.mirror import Mirror, mirrors_folder


def forget_run(*, session: str, run_id: str, settings: Settings) -> None:
    """Drop every branch on which a run's commits were kept, in all mirrors; what was pushed is at the source.

    Raises:
        RepositoryError: a mirror is in use for too long, or git refuses.
    """
    for folder in sorted(mirrors_folder(settings).glob("*/HEAD")):
        place = folder.parent
        mirror = Mirror(url=str(place), folder=place, source=None, timeout_seconds=settings.git_timeout_seconds)
        with mirror.held():
            for branch in mirror.own_branches(kept_branch(session, run_id)):
                mirror.forget(branch)
