"""One Firestore database: transactions in it, bounded in time, and what goes wrong as sentences."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple, Self, TypeVar

import google.auth
import grpc
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import firestore
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

from sessions.memory.firestore.sentences import Place, explained

Result = TypeVar("Result")
Document = firestore.DocumentSnapshot[firestore.DocumentReference]

#: Seconds that one transaction may take, with all that is tried again in it.
WAIT_SECONDS = 10.0
_SCOPE = "https://www.googleapis.com/auth/datastore"
# A batch of observations is larger than the 4 MB that gRPC takes for granted.
_ANY_SIZE = (("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1))
# Else a connection that a router forgot is noticed only by the next call that is lost in it.
_KEEPALIVE = ("grpc.keepalive_time_ms", 30_000)


class Attempt(firestore.Transaction):
    """One try of a transaction, as a `with` statement, and the reads in it.

    The library's own driver hides the error of a transaction that could not begin behind one that says it cannot be
    rolled back, and does not try again when a read is refused.
    """

    def __init__(self, client: firestore.Client, *, read_only: bool, retry_of: bytes | None = None) -> None:
        super().__init__(client, max_attempts=1, read_only=read_only)
        self._retry_of = retry_of

    def __enter__(self) -> Self:
        self._begin(self._retry_of)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._commit()
        finally:
            # Else what it read stays locked for others, up to a minute.
            self._let_go()

    def _let_go(self) -> None:
        # The error that is on its way says more than one of this.
        with suppress(exceptions.GoogleAPICallError, exceptions.RetryError, TimeoutError, ConnectionError):
            if self.in_progress:
                self._rollback()

    def find(self, query: Any) -> list[Document]:  # noqa: ANN401 (queries have no common class)
        """What the query finds, in its order."""
        return list(query.stream(transaction=self))

    def fetch(self, reference: firestore.DocumentReference) -> Document:
        """The document as it is, there or not."""
        return reference.get(transaction=self)

    def fetch_all(
        self, references: Sequence[firestore.DocumentReference], fields: Iterable[str] | None = None
    ) -> list[Document]:
        """The documents as they are, there or not, in no order."""
        paths = None if fields is None else list(fields)
        return list(self._client.get_all(list(references), paths, transaction=self))

    def count(self, query: Any) -> int:  # noqa: ANN401
        """How many documents the query finds, without reading them."""
        return int(query.count().get(transaction=self)[0][0].value)


class Connection:
    """A client of the database at `place`. Threads may share it.

    Raises:
        MemoryStoreError: nobody may use Firestore from here.
    """

    def __init__(self, place: Place, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self.place = place
        self._bound = _Bound(wait_seconds)
        with explained(place, wait_seconds):
            self.client = _client(place, self._bound)

    def read(self, work: Callable[[Attempt], Result]) -> Result:
        """What `work` reads, all of it as it stood at one moment."""
        return self._transact(work, read_only=True)

    def write(self, work: Callable[[Attempt], Result]) -> Result:
        """Do what `work` reads and writes, all or nothing; it is done again when others wrote in between."""
        return self._transact(work, read_only=False)

    def _transact(self, work: Callable[[Attempt], Result], *, read_only: bool) -> Result:
        retry_of = None
        with self.bounded():
            while True:
                try:
                    with Attempt(self.client, read_only=read_only, retry_of=retry_of) as attempt:
                        # One that is tried again keeps its place before those that began after it.
                        retry_of = retry_of or (None if read_only else attempt.id)
                        return work(attempt)
                except (exceptions.Aborted, exceptions.AlreadyExists):
                    # Another was first. What it wrote is known the next time.
                    self._bound.require_time()

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """All calls in here together take at most the wait.

        Raises:
            MemoryStoreError: instead of what the client raises.
        """
        with explained(self.place, self._bound.seconds), self._bound.started():
            yield

    def close(self) -> None:
        """Let go of the connection; whoever uses it later gets a sentence. A second time does nothing."""
        self._bound.closed = True
        self.client._transport.close()  # noqa: SLF001 (it is ours, see below)


class _Call(NamedTuple):
    """What a call is made with; gRPC reads these fields."""

    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: Any
    compression: Any


class _Bound(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """Gives every call what is left of the time of its transaction.

    The client has times of its own for each kind of call, of a minute and more, and none of them can be set for
    the beginning and the end of a transaction.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.closed = False
        self._of_thread = threading.local()

    @contextmanager
    def started(self) -> Iterator[None]:
        """In here the time runs, for this thread."""
        self._of_thread.until = time.monotonic() + self.seconds
        try:
            yield
        finally:
            del self._of_thread.until

    def require_time(self) -> float:
        """The seconds that are left.

        Raises:
            TimeoutError: none. The client tries that never again, other than an error of its own kind.
        """
        now = time.monotonic()
        left = float(getattr(self._of_thread, "until", now + self.seconds) - now)
        if left <= 0:
            raise TimeoutError
        return left

    def _shortened(self, call: Any) -> _Call:  # noqa: ANN401 (gRPC has no types)
        if self.closed:
            raise ConnectionError("it was closed")
        fields: dict[str, Any] = {name: getattr(call, name, None) for name in _Call._fields}
        return _Call(**fields)._replace(timeout=self.require_time())

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:  # noqa: ANN401
        return continuation(self._shortened(client_call_details), request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:  # noqa: ANN401
        return continuation(self._shortened(client_call_details), request)


def _client(place: Place, bound: _Bound) -> firestore.Client:
    credentials = (
        AnonymousCredentials()  # type: ignore[no-untyped-call]
        if place.emulator_host
        else google.auth.default(scopes=[_SCOPE])[0]
    )
    client = firestore.Client(project=place.project, database=place.database, credentials=credentials)
    # The library reads the variable by itself, also when it is set to nothing.
    client._emulator_host = place.emulator_host or None  # noqa: SLF001
    channel = (
        grpc.insecure_channel(place.emulator_host, options=_ANY_SIZE)
        if place.emulator_host
        else FirestoreGrpcTransport.create_channel(
            FirestoreClient.DEFAULT_ENDPOINT, credentials=credentials, options=[*_ANY_SIZE, _KEEPALIVE]
        )
    )
    # There is no public way to give the client a channel, and so a limit on all of its calls.
    client._transport = FirestoreGrpcTransport(channel=grpc.intercept_channel(channel, bound))  # noqa: SLF001
    client._firestore_api_internal = FirestoreClient(transport=client._transport)  # noqa: SLF001
    return client
