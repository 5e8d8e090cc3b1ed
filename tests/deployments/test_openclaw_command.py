import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import tzlocal

from cli.main import main
from tests.deployments.openclaw_jobs import FULL, NAME, job


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Command":
    return Command(monkeypatch, capsys)


class Command:
    """Runs `sessions` in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        self.monkeypatch.setattr("sys.argv", ["sessions", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capsys.readouterr()
        return int(ended.value.code or 0), out, err


def store(root: Path, *rows: object) -> str:
    path = root / "jobs.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return str(path)


def test_an_import_says_what_became_of_every_row_and_the_check_passes(root: Path, sessions: Command) -> None:
    code, out, err = sessions("import", "openclaw", store(root, FULL, job(id="x", name="X", schedule="no")))

    assert code == 0
    assert f"row 1  {FULL['name']!r} is deployments/{NAME}.yaml\n  At 08:00 (Asia/Taipei)\n" in out
    assert "  only kept for an export: id, createdAtMs" in out
    assert "1 imported, 1 set aside" in out
    assert err.startswith("row 2  'X' was set aside: schedule: 'no' has 1 field; ")
    assert sessions("check")[:2] == (0, "1 files, 0 errors\n")


def test_an_import_prints_its_report_for_programs(root: Path, sessions: Command) -> None:
    code, out, err = sessions("import", "openclaw", store(root, FULL, "oops"), "--out", "mine", "--json")

    report = json.loads(out)
    assert (code, err) == (0, "")
    assert report["imported"][0]["definition"] == f"mine/{NAME}.yaml"
    assert report["imported"][0]["notes"] == [
        {"field": "payload.timeoutSeconds", "message": "is missing; OpenClaw's 600 are written"}
    ]
    assert report["quarantined"][0]["row"] == 2


def test_an_import_of_nothing_but_bad_rows_is_a_failure(root: Path, sessions: Command) -> None:
    assert sessions("import", "openclaw", store(root, "oops"))[0] == 1


def test_an_empty_store_is_none(root: Path, sessions: Command) -> None:
    assert sessions("import", "openclaw", store(root))[:2] == (0, "0 imported, 0 set aside\n")


def test_the_zone_of_the_host_can_be_said(root: Path, sessions: Command) -> None:
    _, out, _ = sessions("import", "openclaw", store(root, job(schedule="0 8 * * *")), "--timezone", "Asia/Tokyo")
    assert "At 08:00 (Asia/Tokyo)" in out


@pytest.fixture
def in_new_york() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TZ", "America/New_York")
        tzlocal.reload_localzone()
        yield
    tzlocal.reload_localzone()


@pytest.mark.usefixtures("in_new_york")
def test_the_zone_of_this_host_stands_in_for_one_that_is_not_said(root: Path, sessions: Command) -> None:
    _, out, _ = sessions("import", "openclaw", store(root, job(schedule="0 8 * * *")))
    assert "At 08:00 (America/New_York)" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["import", "openclaw", "gone.json"], "gone.json does not exist"),
        (["import", "openclaw", "gone.json", "--timezone", "Mars"], "--timezone: 'Mars' is not a known time zone"),
        (["export", "openclaw", "--from", "gone"], "gone is no folder"),
    ],
)
@pytest.mark.usefixtures("root")
def test_bad_input_ends_in_a_sentence(sessions: Command, words: list[str], message: str) -> None:
    code, _, err = sessions(*words)

    assert code == 1
    assert err.startswith(f"sessions: {message}")


def test_an_export_prints_the_store_and_says_apart_what_became_of_it(root: Path, sessions: Command) -> None:
    sessions("import", "openclaw", store(root, FULL))

    code, out, err = sessions("export", "openclaw")

    assert code == 0
    assert json.loads(out) == {"version": 1, "jobs": [FULL | {"state": {}}]}
    assert err == "1 exported, 0 left out\n"


def test_an_export_into_a_file_overwrites_none(root: Path, sessions: Command) -> None:
    sessions("import", "openclaw", store(root, FULL))

    assert sessions("export", "openclaw", "--out", "back.json")[0] == 0
    assert json.loads((root / "back.json").read_text(encoding="utf-8"))["jobs"][0]["id"] == FULL["id"]
    assert "back.json is there already" in sessions("export", "openclaw", "--out", "back.json")[2]
    assert sessions("export", "openclaw", "--out", "back.json", "--replace")[0] == 0
