"""What the agent and the reader should know about a checkout: what is not in it."""

from sessions.workspace.address import Address
from sessions.workspace.base import listed
from sessions.workspace.git import Git
from sessions.workspace.mirror import Mirror
from sessions.workspace.trailers import trailer_lines

_LFS = "filter=lfs"
_NEWEST = 50
_SUBMODULE_MODE = "160000"


def remarks_on_content(git: Git) -> list[str]:
    """Submodules and Git LFS files of a fresh working copy."""
    remarks = []
    entries = [row.partition("\t") for row in git.say("ls-files", "-z", "--stage").split("\0")]
    submodules = tuple(path for mode, _, path in entries if mode.startswith(_SUBMODULE_MODE))
    if submodules:
        remarks.append(f"submodules are not checked out, their folders are empty: {listed(submodules)}")
    attributes = [path for _, _, path in entries if path.rpartition("/")[2] == ".gitattributes"]
    if attributes and git.ask("grep", "-q", "--cached", "-F", "-e", _LFS, "--", *attributes).code == 0:
        remarks.append("files in Git LFS are not fetched: the working copy holds pointers, and changes are left out")
    return remarks


def remarks_on_earlier_attempt(mirror: Mirror, base: str, session: str, run_id: str) -> list[str]:
    """Commits that this very run pushed before it was interrupted and started again, perhaps on another machine."""
    if not base:
        return []
    trailer = trailer_lines(session, run_id)[1]
    newest = mirror.git.say("log", f"--max-count={_NEWEST}", "--format=%h %(trailers:only,unfold,separator=%x00)", base)
    own = tuple(line.partition(" ")[0] for line in newest.splitlines() if trailer in line.partition(" ")[2].split("\0"))
    return [f"this run was interrupted after it had pushed {listed(own)}; that work is here already"] if own else []


def remarks_on_source(address: Address, timeout_seconds: float) -> list[str]:
    """What a repository on this machine has that a clone of it does not show."""
    if address.path is None:
        return []
    git = Git(url=address.url, timeout_seconds=timeout_seconds, remote=True)
    place = ("-C", str(address.path))
    remarks = []
    if git.ask(*place, "rev-parse", "--is-shallow-repository").text == "true":
        remarks.append("the source is a shallow clone: older history is missing")
    # A bare repository has no files, and answers with an error.
    dirty = git.ask(*place, "status", "--porcelain=v1", "-z", "--no-renames", "--ignore-submodules=dirty")
    if files := tuple(row[3:] for row in dirty.text.split("\0") if dirty.code == 0 and row):
        remarks.append(f"uncommitted changes of {address.path} are not included: {listed(files)}")
    return remarks
