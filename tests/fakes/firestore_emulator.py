"""The real Firestore emulator of the Google Cloud SDK, with the project's own rules."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
import pytest

from sessions.memory.firestore import FirestoreMemory, Place

CHECKOUT = Path(__file__).resolve().parent.parent.parent
JAR = Path("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar")
MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
START_SECONDS = 60
MISSING = (
    "FIRESTORE IS NOT TESTED: {what}. Install the emulator (gcloud components install cloud-firestore-emulator, or the "
    "package google-cloud-cli-firestore-emulator) and Java 17 or later"
)


@dataclass(frozen=True)
class Emulator:
    """A running emulator at `host` (`HOST:PORT`); it makes every project and database that is asked for."""

    host: str
    process: "subprocess.Popen[bytes]"
    _numbers: "count[int]"

    def place(self) -> Place:
        """A database that nobody has used."""
        return Place(f"project-{next(self._numbers)}", "(default)", self.host)


@contextmanager
def run_emulator(log: Path) -> Iterator[Emulator]:
    """Start an emulator on a free port; it is stopped at the end, by its process id."""
    java, jar = find_java(), find_jar()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    # It lives for one suite: started fast rather than fast for long.
    command = [java, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Duser.language=en", "-cp", jar, MAIN]
    options = ["--host", "127.0.0.1", "--port", str(port), "--rules", CHECKOUT / "firestore.rules"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, *options], stdout=output, stderr=output)
    try:
        wait_until_it_answers(process, port, log)
        yield Emulator(f"127.0.0.1:{port}", process, count(1))
    finally:
        stop(process)


def wait_until_it_answers(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}", trust_env=False).text.strip() == "Ok":
                return
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail(f"the Firestore emulator did not start:\n{log.read_text(errors='replace')[-2000:]}")


def stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


def find_java() -> str:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    return java or pytest.skip(MISSING.format(what="there is no java"))


def find_jar() -> Path:
    """The emulator's program, in the SDK that `gcloud` is of or where packages put it."""
    gcloud = shutil.which("gcloud")
    sdks = [Path(gcloud).resolve().parent.parent] if gcloud else []
    found = (sdk / JAR for sdk in [*sdks, Path("/usr/lib/google-cloud-sdk"), Path.home() / "google-cloud-sdk"])
    jar = next((jar for jar in found if jar.is_file()), None)
    return jar or pytest.skip(MISSING.format(what="the Google Cloud SDK on this machine has no Firestore emulator"))


@contextmanager
def opened(place: Place, **options: object) -> Iterator[FirestoreMemory]:
    """The memory at `place`, closed at the end."""
    with FirestoreMemory(place, **options) as memory:  # type: ignore[arg-type]
        yield memory
