"""Where what lies in the database: `agents/{agent}/changes/{id}` and so on, and how names become ids there."""

import re
from typing import Any, NamedTuple
from urllib.parse import unquote

from google.cloud import firestore
from google.cloud.firestore import FieldFilter

#: How many values Firestore takes in one `in` or `array_contains_any`.
MAX_VALUES = 30
# What Firestore takes for no document of anybody's: ".", "..", and two underscores around anything.
_RESERVED = re.compile(r"\.{1,2}|__.*__", re.DOTALL)
# An id cannot be empty, and no name becomes this one.
_NO_NAME = "%"


class Rooms(NamedTuple):
    """The collections of one database."""

    client: firestore.Client

    @property
    def format(self) -> firestore.DocumentReference:
        """What the database says of itself."""
        return self.client.collection("memory").document("format")

    @property
    def embedder(self) -> firestore.DocumentReference:
        """Which embedder the vectors are of."""
        return self.client.collection("memory").document("embedder")

    @property
    def pending(self) -> firestore.CollectionReference:
        """What is decided and not yet carried out."""
        return self.client.collection("pending")

    @property
    def agents(self) -> firestore.CollectionReference:
        """One document an agent, with nothing in it but collections: so none that all writers meet at."""
        return self.client.collection("agents")

    def changes(self, agent: str) -> firestore.CollectionReference:
        """The agent's log."""
        return self._of(agent, "changes")

    def observations(self, agent: str) -> firestore.CollectionReference:
        """The agent's observations, with what they are found by."""
        return self._of(agent, "observations")

    def statistics(self, agent: str) -> firestore.CollectionReference:
        """In how many of the agent's observations each word stands: one document a batch, to be added up."""
        return self._of(agent, "statistics")

    def runs(self, agent: str) -> firestore.CollectionReference:
        """What is to be known of the agent's runs: one document, `reverted`."""
        return self._of(agent, "runs")

    def reverted(self, agent: str) -> firestore.DocumentReference:
        """The agent's runs that were taken back: written by who takes one back, read by all who write."""
        return self.runs(agent).document("reverted")

    def _of(self, agent: str, room: str) -> firestore.CollectionReference:
        collection: firestore.CollectionReference = self.agents.document(as_id(agent)).collection(room)
        return collection

    def all_changes(self) -> firestore.CollectionGroup:
        """The logs of all agents."""
        return self.client.collection_group("changes")

    def all_observations(self) -> firestore.CollectionGroup:
        """The observations of all agents."""
        return self.client.collection_group("observations")


def equal(field: str, value: object) -> FieldFilter:
    """The field has this value."""
    return FieldFilter(field, "==", value)


def one_of(field: str, values: list[Any]) -> FieldFilter:
    """The field has one of these values, at most MAX_VALUES."""
    return FieldFilter(field, "in", values)


def contains_any(field: str, values: list[Any]) -> FieldFilter:
    """One of these values, at most MAX_VALUES, is in the list that the field holds."""
    return FieldFilter(field, "array_contains_any", values)


def as_id(name: str) -> str:
    """A name as an id of Firestore's, which takes no slash and keeps some ids for itself; each name has its own."""
    if not name:
        return _NO_NAME
    escaped = name.replace("%", "%25").replace("/", "%2F")
    if _RESERVED.fullmatch(name):
        return re.sub(r"^[._]{1,2}", lambda first: "".join(f"%{ord(sign):X}" for sign in first[0]), escaped)
    return escaped


def name_of(document_id: str) -> str:
    """The name that `as_id` made the id of."""
    return "" if document_id == _NO_NAME else unquote(document_id)
