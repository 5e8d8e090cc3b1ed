"""Which index Firestore itself would need for a query: the emulator needs none, and so would not tell."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import pytest
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.types import StructuredQuery
from pydantic import BaseModel, Field

DECLARED = Path(__file__).resolve().parent.parent.parent / "firestore.indexes.json"
LISTS = ("ARRAY_CONTAINS", "ARRAY_CONTAINS_ANY")
EQUALITIES = ("EQUAL", "IN")
Call = Callable[..., object]


class Needed(NamedTuple):
    """What a query asks of an index: first, in any order, the fields it compares; then those it sorts by or searches.

    Fields are written as `name ORDER`; of one that is compared for equality the order does not matter: `name`.
    """

    collection: str
    scope: str
    compared: frozenset[str]
    sorted_by: tuple[str, ...] = ()


class Index(NamedTuple):
    """An index: of one collection, or of all collections of that name; `fields` as `name ORDER`."""

    collection: str
    scope: str
    fields: tuple[str, ...]

    def serves(self, needed: Needed) -> bool:
        first, rest = self.fields[: len(needed.compared)], self.fields[len(needed.compared) :]
        compared = {field if field.endswith("CONTAINS") else field.split()[0] for field in first}
        return (self.collection, self.scope, compared, rest) == needed


class IndexedField(BaseModel, extra="forbid"):
    path: str = Field("", alias="fieldPath")
    scope: str = Field("", alias="queryScope")
    order: Literal["", "ASCENDING", "DESCENDING"] = ""
    array: Literal["", "CONTAINS"] = Field("", alias="arrayConfig")
    vector: dict[str, Any] = Field({}, alias="vectorConfig")

    def how(self) -> str:
        return self.order or self.array or f"VECTOR {self.vector['dimension']}"


class Composite(BaseModel, extra="forbid"):
    collection: str = Field(alias="collectionGroup")
    scope: str = Field(alias="queryScope")
    fields: list[IndexedField]

    def index(self) -> Index:
        return Index(self.collection, self.scope, tuple(f"{each.path} {each.how()}" for each in self.fields))


class Override(BaseModel, extra="forbid"):
    collection: str = Field(alias="collectionGroup")
    path: str = Field(alias="fieldPath")
    fields: list[IndexedField] = Field(alias="indexes")

    def indexes(self) -> set[Index]:
        return {Index(self.collection, each.scope, (f"{self.path} {each.how()}",)) for each in self.fields}


class Declared(BaseModel, extra="forbid"):
    """The file that is deployed. A field without an override has an index of its own in its collection."""

    composites: list[Composite] = Field(alias="indexes")
    overrides: list[Override] = Field(alias="fieldOverrides")

    @classmethod
    def read(cls) -> Self:
        return cls.model_validate_json(DECLARED.read_bytes())

    def indexes(self) -> set[Index]:
        return {each.index() for each in self.composites}.union(*(each.indexes() for each in self.overrides))

    def serving(self, needed: Needed) -> Index | None:
        """The index that serves the query, if one does."""
        fields = [field.split() for field in (*needed.compared, *needed.sorted_by)]
        overridden = {(each.collection, each.path) for each in self.overrides}
        alone = needed.scope == "COLLECTION" and len(fields) == 1 and "VECTOR" not in fields[0]
        if alone and (needed.collection, fields[0][0]) not in overridden:
            return Index(needed.collection, needed.scope, ("automatic",))
        return next((index for index in sorted(self.indexes()) if index.serves(needed)), None)


def needed_by(query: StructuredQuery) -> Needed | None:
    """The index without which Firestore refuses the query; None for one that only goes through a collection."""
    source = query.from_[0]
    filters = [each.field_filter for each in query.where.composite_filter.filters] or [query.where.field_filter]
    asked = {each.field.field_path: each.op.name for each in filters if each.field.field_path}
    compared = {path for path, op in asked.items() if op in EQUALITIES}
    compared |= {f"{path} CONTAINS" for path, op in asked.items() if op in LISTS}
    order = {each.field.field_path: each.direction.name for each in query.order_by}
    ranges = {path: "ASCENDING" for path, op in asked.items() if op not in (*EQUALITIES, *LISTS)}
    # Every index has the documents' names for its last field.
    sorted_by = [f"{path} {direction}" for path, direction in (ranges | order).items() if path != "__name__"]
    if path := query.find_nearest.vector_field.field_path:
        numbers = query.find_nearest.query_vector.map_value.fields["value"].array_value.values
        sorted_by.append(f"{path} VECTOR {len(numbers)}")
    scope = "COLLECTION_GROUP" if source.all_descendants else "COLLECTION"
    needed = Needed(source.collection_id, scope, frozenset(compared), tuple(sorted_by))
    return needed if compared or sorted_by else None


@contextmanager
def recorded_indexes(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[Needed]]:
    """What is needed by the queries that leave this process meanwhile."""
    needed: set[Needed] = set()

    def recording(call: Call) -> Call:
        @wraps(call)
        def recorded(client: FirestoreClient, request: Mapping[str, Any], **options: object) -> object:
            query = request.get("structured_query") or request["structured_aggregation_query"].structured_query
            if index := needed_by(query):
                needed.add(index)
            return call(client, request=request, **options)

        return recorded

    with monkeypatch.context() as patched:
        for name in ("run_query", "run_aggregation_query"):
            patched.setattr(FirestoreClient, name, recording(getattr(FirestoreClient, name)))
        yield needed
