"""What the documentation says, held against what is there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperCommand

from docs.reference import REFERENCE, main
from docs.reference_commands import find_commands
from sessions.outcome import Delivery, Outcome
from sessions.spec import SessionSpec

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
ADRS = sorted((ROOT / "docs" / "adr").glob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^(?P<mark><!-- run[^\n]*-->\n)?```sh\n(?P<text>.*?)^```", re.MULTILINE | re.DOTALL)
#: What of the words in backticks is a place in this repository.
PLACE = re.compile(r"(?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:md|py|toml|yaml|txt)")
#: Made by the session of the README, or by a run.
MADE_BY_USE = ("reports/",)


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def named_places(page: Path) -> Iterator[str]:
    """Files and folders in backticks; what begins with a variable, a dot or `<` is somewhere else."""
    for word in re.findall(r"`([^`\n]+)`", without_blocks(page.read_text(encoding="utf-8"))):
        if PLACE.fullmatch(word) and not word.startswith(MADE_BY_USE):
            yield word


def sessions_commands() -> Iterator[list[str]]:
    """Every `sessions …` of the README, in shell blocks and in backticks, as words."""
    for block in BLOCK.finditer(README):
        for line in block["text"].replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["sessions"]:
                yield words[1:]
    for spoken in re.findall(r"`sessions ([a-z][^`]*)`", without_blocks(README)):
        yield shlex.split(spoken)


def exists(place: str) -> bool:
    """Named from the root of the repository."""
    return (ROOT / place).exists()


def test_the_reference_is_what_the_code_says() -> None:
    assert main(["--check"]) == 0


def test_a_stale_reference_is_told_and_written_anew(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "reference.md"
    copy.write_text(REFERENCE.read_text(encoding="utf-8").replace("max_turns", "most_turns"), encoding="utf-8")
    assert main(["--check"], copy) == 1
    assert "make docs" in capsys.readouterr().err
    assert main([], copy) == 0
    assert main(["--check"], copy) == 0


def test_the_flow_takes_the_documented_parameters_and_no_others() -> None:
    from flows.scheduled_session import scheduled_session  # noqa: PLC0415 - imports Prefect

    taken = scheduled_session.parameters.properties
    assert {name: field.get("default") for name, field in taken.items()} == {
        name: field.get("default") for name, field in SessionSpec.model_json_schema()["properties"].items()
    }
    assert {name: field.get("description") for name, field in taken.items()} == {
        name: field.description for name, field in SessionSpec.model_fields.items()
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    broken = [link for link in links if not (page.parent / link.partition("#")[0]).exists()]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_to_a_heading_leads_to_one(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "#" in link and "://" not in link]
    for link in links:
        file, _, anchor = link.partition("#")
        target = (page.parent / file) if file else page
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_and_folder_that_is_named_is_there(page: Path) -> None:
    assert [place for place in named_places(page) if not exists(place)] == []


def test_every_make_target_that_is_named_is_there() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"\bmake ([a-z]+)\b[`\s ]", spoken_code(page))}
    assert {"demo", "test"} <= named <= targets


def spoken_code(page: Path) -> str:
    """What stands in backticks and in shell blocks, a line each."""
    text = page.read_text(encoding="utf-8")
    blocks = [block["text"] for block in BLOCK.finditer(text)]
    return "\n".join([*re.findall(r"`([^`\n]+)`", without_blocks(text)), *blocks, ""])


def _beginnings(words: list[str]) -> Iterator[str]:
    """What may be the command's name, the longest first: `memory thread open`."""
    return (" ".join(words[:count]) for count in range(len(words), 0, -1))


@pytest.mark.parametrize("words", list(sessions_commands()), ids=" ".join)
def test_every_command_that_the_readme_names_takes_what_it_is_given(words: list[str]) -> None:
    commands = find_commands()
    command: TyperCommand = commands[next(name for name in _beginnings(words) if name in commands)]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words[1:] if word.startswith("-")} <= options | {"--help"}


def test_the_readme_says_every_outcome() -> None:
    table = README.partition("### Outcomes")[2].partition("### Measured")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| ([A-Z]+) \|$", table, re.MULTILINE))
    assert rows == {each.value: each.state_type for each in Outcome}
    assert [word for word in Delivery if f"`{word}`" not in table] == []


def test_the_readme_fits_on_a_few_screens() -> None:
    assert len(README.splitlines()) <= 200


def test_decisions_are_numbered_without_a_gap_and_say_what_was_given_up() -> None:
    assert [adr.name[:4] for adr in ADRS] == [f"{number:04}" for number in range(1, len(ADRS) + 1)]
    for adr in ADRS:
        text = adr.read_text(encoding="utf-8")
        assert text.startswith(f"# {adr.name[:4]}. ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
        assert "gave up" in " ".join(text.partition("## Consequences")[2].split())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the definitions of this one."""
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "deployments", root / "deployments", ignore=shutil.ignore_patterns("__pycache__"))
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "-A"), (*author, "commit", "-qm", "Begin")):
        subprocess.run(["git", *words], cwd=root, check=True)
    return root


def test_the_first_session_of_the_readme_is_written_checked_and_previewed(checkout: Path, tmp_path: Path) -> None:
    (block,) = [found["text"] for found in BLOCK.finditer(README) if found["mark"]]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=checkout,
        env={"PATH": path, "SESSIONS_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "0 errors" in ran.stdout
    assert "At 09:00, Monday through Friday (Europe/Berlin)" in ran.stdout
    assert "─── prompt ───\nSay in five lines what changed" in ran.stdout
    assert "max_cost_usd: 0.5" in (checkout / "deployments" / "morning-notes.yaml").read_text(encoding="utf-8")
