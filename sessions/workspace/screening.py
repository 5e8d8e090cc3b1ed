"""Finds what must not leave this machine in what an agent wants to commit: secrets, and files that are too large."""

from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from sessions.redaction import Redactor
from sessions.workspace.git import Git

#: Larger files are never committed, in bytes.
LARGEST_FILE = 25 * 1024 * 1024
TOO_LARGE = f"is larger than {LARGEST_FILE // 1024 // 1024} MB"
HOLDS_SECRET = "holds a secret"  # noqa: S105  (a reason, not a password)
_IN_MEMORY = 2 * LARGEST_FILE


class Blob(BaseModel, frozen=True):
    """The content of one file in one commit or in the index. `size` is in bytes."""

    sha: str
    path: bytes
    size: int


def screen(git: Git, revision: str, *, base: str, known: Sequence[str], redact: Redactor) -> dict[str, str]:
    """Look through every file content that is in `revision` and not in `known`.

    A line that stood in the file at `base`, or in a file that `revision` no longer has, is no news and is let through.
    `revision` is a commit with its history, or a tree; `known` is what the source has.

    Returns:
        Why a content must not be committed, by its sha.
    """
    wanted = _lines([revision, *(f"^{sha}" for sha in known)])
    reasons: dict[str, str] = {}
    suspects: list[Blob] = []
    for blob in _blobs(git, git.need("rev-list", "--objects", "--stdin", stdin=wanted).output):
        if blob.size > LARGEST_FILE:
            reasons[blob.sha] = TOO_LARGE
        else:
            suspects.append(blob)
    return reasons | {blob.sha: HOLDS_SECRET for blob in _with_secrets(git, suspects, base, revision, redact)}


def messages_are_clean(git: Git, head: str, *, known: Sequence[str], redact: Redactor) -> bool:
    """Whether the messages and names of the commits up to `head` hold no secret."""
    wanted = _lines([head, *(f"^{sha}" for sha in known)])
    said = git.say("log", "--format=%an <%ae>%n%cn <%ce>%n%B", "--stdin", stdin=wanted)
    return redact(said) == said


def _blobs(git: Git, listed: bytes) -> Iterator[Blob]:
    paths = {sha.decode(): path for sha, _, path in (row.partition(b" ") for row in listed.splitlines())}
    checked = git.say("cat-file", "--batch-check=%(objecttype) %(objectsize) %(objectname)", stdin=_lines(paths))
    for row in checked.splitlines():
        kind, size, sha = row.split(" ")
        if kind == "blob":
            yield Blob(sha=sha, path=paths[sha], size=int(size))


def _with_secrets(git: Git, blobs: list[Blob], base: str, tree: str, redact: Redactor) -> Iterator[Blob]:
    for group in _groups(blobs):
        for blob, content in zip(group, _contents(git, group), strict=True):
            text = content.decode(errors="replace")
            if redact(text) != text and _is_news(git, blob, text, base, tree, redact):
                yield blob


def _groups(blobs: list[Blob]) -> Iterator[list[Blob]]:
    group: list[Blob] = []
    size = 0
    for blob in blobs:
        if group and size + blob.size > _IN_MEMORY:
            yield group
            group, size = [], 0
        group.append(blob)
        size += blob.size
    if group:
        yield group


def _contents(git: Git, blobs: list[Blob]) -> Iterator[bytes]:
    stream = git.need("cat-file", "--batch", stdin=_lines([blob.sha for blob in blobs])).output
    at = 0
    for blob in blobs:
        start = stream.index(b"\n", at) + 1
        yield stream[start : start + blob.size]
        at = start + blob.size + 1


def _is_news(git: Git, blob: Blob, text: str, base: str, tree: str, redact: Redactor) -> bool:
    old = set(_text_at(git, base, blob.path).splitlines())
    for path in _removed_paths(git, base, tree):
        old |= set(_text_at(git, base, path).splitlines())
    added = "\n".join(line for line in text.splitlines() if line not in old)
    return redact(added) != added


def _text_at(git: Git, commit: str, path: bytes) -> str:
    if not commit:
        return ""
    return git.ask("cat-file", "blob", f"{commit}:{path.decode(errors='surrogateescape')}").output.decode(
        errors="replace"
    )


def _removed_paths(git: Git, base: str, tree: str) -> list[bytes]:
    if not base:
        return []
    removed = git.need("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=D", base, tree).output
    return [path for path in removed.split(b"\0") if path]


def _lines(words: Sequence[str] | dict[str, bytes]) -> bytes:
    return "".join(f"{word}\n" for word in words).encode()
