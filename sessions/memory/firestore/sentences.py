"""What goes wrong with a memory in Firestore, as sentences for a person."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

from sessions.errors import MemoryStoreError


class Place(NamedTuple):
    """Where a memory is: a database of a project, in Firestore itself or in an emulator at `HOST:PORT`."""

    project: str
    database: str
    emulator_host: str = ""

    @property
    def url(self) -> str:
        """As `SESSIONS_MEMORY_URL` names it."""
        return f"firestore://{self.project}/{self.database}"

    @property
    def reached_at(self) -> str:
        """Who has to answer."""
        return f"the Firestore emulator at {self.emulator_host}" if self.emulator_host else "Firestore"

    def error(self, sentence: str) -> MemoryStoreError:
        """The sentence as the error of this memory."""
        return MemoryStoreError(sentence, url=self.url)


_NO_CREDENTIALS = (
    "the memory {url} cannot be used: this machine has no credentials for Google Cloud that work ({error}); run "
    "gcloud auth application-default login, or name a service account's key in GOOGLE_APPLICATION_CREDENTIALS"
)
_NO_ANSWER = (
    "{who} did not answer within {wait:g} s, so the memory {url} cannot be used now; every write is stored "
    "whole or not at all. Try again later"
)
#: By the error's class, the more special first.
_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (GoogleAuthError, _NO_CREDENTIALS),
    (exceptions.Unauthenticated, _NO_CREDENTIALS),
    (
        exceptions.PermissionDenied,
        (
            "{who} denies the memory {url} to this account ({error}); give it the role roles/datastore.user in the "
            "project {project}"
        ),
    ),
    (
        exceptions.NotFound,
        (
            "there is no Firestore database {database!r} in the project {project!r}, or this account cannot see it; "
            "make it with gcloud firestore databases create --project={project} --database='{database}', or correct "
            "SESSIONS_MEMORY_URL"
        ),
    ),
    (
        exceptions.FailedPrecondition,
        (
            "{who} refused a query or a write of the memory {url} ({error}); deploy the indexes of this version with "
            "firebase deploy --only firestore --project={project}"
        ),
    ),
    (
        exceptions.ResourceExhausted,
        (
            "a quota of the project {project} is used up ({error}), so the memory {url} cannot be used now; every "
            "write is stored whole or not at all. Try again later, or raise the quota"
        ),
    ),
    (exceptions.ServiceUnavailable, _NO_ANSWER),
    (exceptions.GatewayTimeout, _NO_ANSWER),
    (exceptions.RetryError, _NO_ANSWER),
    (TimeoutError, _NO_ANSWER),
    (ConnectionError, "the memory {url} cannot be used: {error}. Open it again"),
    (Exception, "the memory {url} cannot be used: {error}. Try again, or correct SESSIONS_MEMORY_URL"),
)


@contextmanager
def explained(place: Place, wait_seconds: float) -> Iterator[None]:
    """Turn what the client of Firestore says into a sentence.

    Raises:
        MemoryStoreError: instead of the errors of Google's libraries, and of what has no place in a request.
    """
    try:
        yield
    except (exceptions.GoogleAPIError, GoogleAuthError, TimeoutError, ConnectionError) as error:
        raise place.error(_sentence(error, place, wait_seconds)) from error
    except UnicodeEncodeError as error:
        sentence = f"the memory {place.url} takes no id or agent with half of a surrogate pair: {error.object!a:.80}"
        raise place.error(sentence) from error


def _sentence(error: Exception, place: Place, wait_seconds: float) -> str:
    form = next(text for kind, text in _SENTENCES if isinstance(error, kind))
    said = re.sub(r"\s+", " ", getattr(error, "message", "") or str(error)).strip(" .")
    return form.format(
        error=said[:300],
        who=place.reached_at,
        url=place.url,
        project=place.project,
        database=place.database,
        wait=wait_seconds,
    )
