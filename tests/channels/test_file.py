import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sessions.channels.file import FileChannel
from sessions.errors import DeliveryError
from tests.contracts.channels import message


@contextmanager
def full_disk() -> Iterator[None]:
    """As far as a write can tell: no file may grow."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def contents(folder: Path) -> list[str]:
    return [path.read_text() for path in folder.iterdir()]


async def test_a_relative_path_is_under_the_home(tmp_path: Path) -> None:
    where = await FileChannel(tmp_path, {}).send(message("# Report"), "reports/last.md")
    assert where == str(tmp_path / "reports/last.md")
    assert (tmp_path / "reports/last.md").read_text() == "# Report\n"


async def test_each_run_has_its_own_file_when_the_path_says_so(tmp_path: Path) -> None:
    where = await FileChannel(tmp_path, {}).send(message(), "{session}/{slot}-{run}.md")
    assert where == str(tmp_path / "nightly/20261103T010000Z-0f8fad5b-d9cb-469f-a165-70867728950e.md")


async def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    sly = message().model_copy(update={"session": "../../etc/passwd"})
    where = await FileChannel(tmp_path, {}).send(sly, "{session}.md")
    assert Path(where).parent == tmp_path


async def test_a_run_without_a_slot_has_a_name_all_the_same(tmp_path: Path) -> None:
    where = await FileChannel(tmp_path, {}).send(message().model_copy(update={"facts": {}}), "{slot}.md")
    assert where.endswith("unscheduled.md")


async def test_an_unknown_placeholder_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match=r"\{date\}.*\{session\}, \{slot\} and \{run\}"):
        await FileChannel(tmp_path, {}).send(message(), "{date}.md")


async def test_a_full_disk_keeps_the_last_report_and_leaves_nothing_behind(tmp_path: Path) -> None:
    channel = FileChannel(tmp_path, {})
    await channel.send(message("first"), "last.md")
    with full_disk(), pytest.raises(DeliveryError, match=r"last\.md: File too large; free some space") as caught:
        await channel.send(message("second"), "last.md")
    assert caught.value.retryable is True
    assert contents(tmp_path) == ["first\n"]


async def test_a_folder_in_the_way_is_said_and_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    with pytest.raises(DeliveryError, match="Is a directory; give the path of a file") as caught:
        await FileChannel(tmp_path, {}).send(message(), "reports")
    assert caught.value.retryable is False
    assert list((tmp_path / "reports").iterdir()) == []


async def test_a_file_where_a_folder_should_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(DeliveryError, match="whose folder can be made"):
        await FileChannel(tmp_path, {}).send(message(), "reports/last.md")
