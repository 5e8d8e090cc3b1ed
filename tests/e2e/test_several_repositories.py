"""An agent that works in several repositories: what becomes of one says nothing of the others."""

from pathlib import Path

from sessions.outcome import Outcome
from tests.fakes.house import House
from tests.workspace.people import bare_repository, git

NAMES = ("api", "docs", "web")


async def test_two_repositories_are_pushed_and_told_though_the_one_between_them_went_away(
    house: House, tmp_path: Path
) -> None:
    api, docs, web = origins = [bare_repository(tmp_path / f"{name}.git") for name in NAMES]
    await house.deploy(repos=[{"url": str(origin), "auto_push": True} for origin in origins])
    away = tmp_path / "away.git"
    ran = await house.run(prompt=f"RUN: for i in {' '.join(NAMES)}; do echo x > ../$i/a.txt; done; mv {docs} {away}")
    assert ran.record.outcome is Outcome.COMPLETED
    assert [git(origin, "show", "main:a.txt") for origin in (api, web)] == ["x", "x"]
    for name in ("api", "web"):
        assert f"{name}: 1 commit pushed to branch main" in ran.report
    assert list(ran.record.notes) == ["committed"]
    assert ran.record.notes["committed"].startswith(f"{docs}: there is no repository that the worker may read")
    (mirror,) = (house.home / "mirrors").glob("docs-*/")
    assert git(mirror, "show", f"sessions/{house.session}/{ran.record.run_id[-12:]}:a.txt") == "x"
    away.rename(docs)
    await house.run(prompt="SAY: nothing to do")
    assert git(docs, "show", "main:a.txt") == "x"
    again = house.folder(ran.record.run_id)
    assert [result.status for result in again.record.commits] == ["pushed"] * 3
    assert (again.record.notes, again.record.done("closed")) == ({}, True)
    assert git(api, "rev-list", "--count", "main") == "1"
