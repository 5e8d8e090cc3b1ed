"""What conversations began with, kept beside them, so that any line of it can be looked up as one of a run's can."""

from pathlib import Path

from sessions.context import Context
from sessions.errors import RunFolderError
from sessions.files import write_whole
from sessions.interactive import interactive_home
from sessions.run_folder import RunFolder

#: Of so many conversations, the newest. One is some 60 kB with its manifest.
MOST_KEPT = 200


def keep_context(home: Path, session_id: str, context: Context) -> None:
    """Keep what a conversation begins with, in place of what it began with before it was cleared or shortened.

    Raises:
        RunFolderError: the disk does not take it.
    """
    text, manifest = _places(home, session_id)
    try:
        text.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(manifest, context.manifest.model_dump_json(indent=1))
        write_whole(text, context.text)
        _forget_oldest(text.parent)
    except OSError as error:
        raise RunFolderError(f"{text} cannot be written: {error.strerror}; mend it or set SESSIONS_HOME") from error


def copy_context(home: Path, session_id: str, run: RunFolder) -> None:
    """Put what the conversation began with among the files of a run that learns from it, where it was kept.

    Raises:
        RunFolderError: the disk does not take it.
    """
    for kept, own in zip(_places(home, session_id), (run.context_path, run.manifest_path), strict=True):
        if kept.exists():
            run.write(own, kept.read_text(encoding="utf-8"))


def _places(home: Path, session_id: str) -> tuple[Path, Path]:
    folder = interactive_home(home) / "contexts"
    return folder / f"{session_id}.md", folder / f"{session_id}.json"


def _forget_oldest(folder: Path) -> None:
    newest_first = sorted(folder.glob("*.md"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in newest_first[MOST_KEPT:]:
        old.with_suffix(".json").unlink(missing_ok=True)
        old.unlink(missing_ok=True)
