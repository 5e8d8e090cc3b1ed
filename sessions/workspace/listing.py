"""What a source says that it has, from `git ls-remote --symref`."""

from pydantic import BaseModel

_SHA256_LENGTH = 64


class Listing(BaseModel, frozen=True):
    """The refs of a source.

    Attributes:
        default_branch: what its HEAD points at; empty when it is detached or there are no commits.
        refs: commit or tag by full name, `HEAD` included.
    """

    default_branch: str = ""
    refs: dict[str, str] = {}

    @property
    def sha256(self) -> bool:
        """Whether the repository names its objects by SHA-256."""
        return any(len(sha) == _SHA256_LENGTH for sha in self.refs.values())


def parse_listing(text: str) -> Listing:
    """Read the output of `git ls-remote --symref`; refs other than HEAD, branches and tags are passed over."""
    default, refs = "", {}
    for line in text.splitlines():
        left, _, name = line.partition("\t")
        if left.startswith("ref: ") and name == "HEAD":
            default = left.removeprefix("ref: refs/heads/")
        elif name == "HEAD" or (name.startswith(("refs/heads/", "refs/tags/")) and not name.endswith("^{}")):
            refs[name] = left
    return Listing(default_branch=default, refs=refs)
