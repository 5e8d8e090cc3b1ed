"""One line of an examination: what was looked at, how it is, and what to do about it."""

from typing import Literal

from pydantic import BaseModel

Status = Literal["ok", "warn", "fail"]


class Examined(BaseModel, frozen=True):
    """What was found of one thing; `remedy` is empty where nothing needs to be done."""

    subject: str
    status: Status
    found: str
    remedy: str = ""


def good(subject: str, found: str) -> Examined:
    """Nothing to do."""
    return Examined(subject=subject, status="ok", found=found)


def doubtful(subject: str, found: str, remedy: str) -> Examined:
    """It may do, or it cannot be told."""
    return Examined(subject=subject, status="warn", found=found, remedy=remedy)


def bad(subject: str, found: str, remedy: str) -> Examined:
    """Runs will fail, or a promise will not be kept."""
    return Examined(subject=subject, status="fail", found=found, remedy=remedy)
