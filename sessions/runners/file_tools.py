"""Reading, writing, editing and listing files for an agent, inside one folder."""

import itertools
import os
from pathlib import Path

from pydantic import BaseModel, Field

from sessions.errors import RunnerError

READ_LINES = 2000
LINE_CHARACTERS = 2000
READ_BYTES = 50_000_000
GLOB_PATHS = 500


class ToolError(RunnerError):
    """A tool call that cannot be carried out; the sentence is for the model, and the session goes on."""


class ReadInput(BaseModel, extra="forbid"):
    """Read a text file. Lines come numbered."""

    file_path: str = Field(min_length=1, description="The file, absolute or from the workspace.")
    offset: int = Field(1, ge=1, description="The first line to read, from 1.")
    limit: int = Field(READ_LINES, ge=1, le=READ_LINES, description="How many lines to read.")


class WriteInput(BaseModel, extra="forbid"):
    """Write a text file, replacing what is there. Missing folders are made."""

    file_path: str = Field(min_length=1, description="The file, absolute or from the workspace.")
    content: str = Field(description="The whole new content.")


class EditInput(BaseModel, extra="forbid"):
    """Replace an exact piece of text in a file."""

    file_path: str = Field(min_length=1, description="The file, absolute or from the workspace.")
    old_string: str = Field(min_length=1, description="The exact text to replace; must stand there once.")
    new_string: str = Field(description="What to put in its place.")
    replace_all: bool = Field(default=False, description="Replace every place where it stands.")


class GlobInput(BaseModel, extra="forbid"):
    """List the files whose path matches a pattern, sorted."""

    pattern: str = Field(min_length=1, description="For example `**/*.py`.")
    path: str = Field(".", description="The folder to start from.")


def inside(workspace: Path, given: str) -> Path:
    """The real path of `given`, absolute or from the workspace, with symbolic links followed.

    Raises:
        ToolError: it is outside the workspace.
    """
    root = workspace.resolve()
    try:
        path = (root / given).resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ToolError(f"{given} is not a usable path.") from error
    if not path.is_relative_to(root):
        raise ToolError(f"{given} is outside the workspace {root}; only files inside can be used.")
    return path


def read(workspace: Path, asked: ReadInput) -> str:
    """Numbered lines of a file.

    Raises:
        ToolError: there is no such text file inside the workspace.
    """
    text = _text_of(inside(workspace, asked.file_path), asked.file_path)
    lines = text.splitlines()
    chosen = lines[asked.offset - 1 : asked.offset - 1 + asked.limit]
    numbered = [f"{number:6}\t{line[:LINE_CHARACTERS]}" for number, line in enumerate(chosen, asked.offset)]
    left = len(lines) - (asked.offset - 1 + len(chosen))
    if left > 0:
        numbered.append(f"[{left} more lines; go on with offset {asked.offset + len(chosen)}]")
    return "\n".join(numbered) or "(no lines)"


def write(workspace: Path, asked: WriteInput) -> str:
    """Write a whole file; says how much was written.

    Raises:
        ToolError: the path is outside, or cannot be written.
    """
    path = _writable(workspace, asked.file_path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(asked.content, encoding="utf-8")
    except (OSError, UnicodeEncodeError) as error:
        raise ToolError(f"{asked.file_path} cannot be written: {error}.") from error
    return f"Wrote {len(asked.content.splitlines())} lines to {asked.file_path}."


def edit(workspace: Path, asked: EditInput) -> str:
    """Replace text in a file; says in how many places.

    Raises:
        ToolError: the text is not there, or there more than once without `replace_all`.
    """
    path = _writable(workspace, asked.file_path)
    text = _text_of(path, asked.file_path)
    places = text.count(asked.old_string)
    if asked.old_string == asked.new_string:
        raise ToolError("old_string and new_string are the same; nothing would change.")
    if not places:
        raise ToolError(f"old_string does not stand in {asked.file_path}; read the file and copy it exactly.")
    if places > 1 and not asked.replace_all:
        raise ToolError(f"old_string stands {places} times in {asked.file_path}; give more of it, or set replace_all.")
    write(workspace, WriteInput(file_path=asked.file_path, content=text.replace(asked.old_string, asked.new_string)))
    return f"Replaced {places} place{'s' * (places > 1)} in {asked.file_path}."


def find_files(workspace: Path, asked: GlobInput) -> str:
    """Paths from the workspace, one a line, without those of git itself.

    Raises:
        ToolError: the pattern or folder is outside the workspace, or the pattern is malformed.
    """
    root, start = workspace.resolve(), inside(workspace, asked.path)
    if asked.pattern.startswith("/") or ".." in Path(asked.pattern).parts:
        raise ToolError("The pattern leaves its folder; give it from the workspace, and the folder as `path`.")
    try:
        found = (path for path in start.glob(asked.pattern) if _is_listed(path, root))
        paths = sorted(path.relative_to(root).as_posix() for path in itertools.islice(found, GLOB_PATHS + 1))
    except (ValueError, OSError, NotImplementedError) as error:
        raise ToolError(f"The pattern {asked.pattern!r} cannot be used: {error}.") from error
    if len(paths) > GLOB_PATHS:
        paths[GLOB_PATHS:] = [f"[more than {GLOB_PATHS}; narrow the pattern]"]
    return "\n".join(paths) or "(no files match)"


def _is_listed(path: Path, root: Path) -> bool:
    return ".git" not in path.relative_to(root).parts and path.is_file() and path.resolve().is_relative_to(root)


def _writable(workspace: Path, given: str) -> Path:
    path = inside(workspace, given)
    if ".git" in path.relative_to(workspace.resolve()).parts:
        raise ToolError(f"{given} belongs to git itself; use git commands to change it.")
    if path.is_dir():
        raise ToolError(f"{given} is a folder; give a file.")
    return path


def _text_of(path: Path, given: str) -> str:
    if not path.exists():
        raise ToolError(f"{given} does not exist.")
    if not path.is_file():
        # A pipe would block for ever.
        raise ToolError(f"{given} is a folder or a device, not a file; folders are listed with Glob.")
    try:
        if os.path.getsize(path) > READ_BYTES:  # noqa: PTH202 - the same word as in the sentence
            raise ToolError(f"{given} is larger than {READ_BYTES:,} bytes; search it with Grep.")
        # Line ends stay as they are, or an edit would change every one of them.
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise ToolError(f"{given} is not a text file.") from error
    except OSError as error:
        raise ToolError(f"{given} cannot be read: {error.strerror}.") from error
