"""What `sessions check` reports: one line a problem, with file, line, field, and what would be right."""

from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel

from deployments.documents import Document, Location, spell

Severity = Literal["error", "warning"]


class Finding(NamedTuple):
    """Something wrong at a place of one deployment."""

    location: Location
    message: str
    severity: Severity = "error"

    def within(self, *outer: str | int) -> "Finding":
        """The same, seen from further out."""
        return self._replace(location=(*outer, *self.location))


class Problem(BaseModel, frozen=True):
    """Something wrong in a definition file. An error keeps everything from being deployed; a warning does not."""

    file: Path
    line: int
    field: str
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        warning = "warning: " if self.severity == "warning" else ""
        return f"{self.file}:{self.line}: {warning}{self.field}: {self.message}"


def place(finding: Finding, document: Document, deployment: int) -> Problem:
    """A finding in one deployment of a document, with its line."""
    return Problem(
        file=document.file,
        line=document.line_of(("deployments", deployment, *finding.location)),
        field=spell(finding.location) or "deployments",
        message=finding.message,
        severity=finding.severity,
    )
