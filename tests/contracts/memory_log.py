"""What every Memory keeps to when things change: statuses, times, histories. Used as `MemoryContract` is."""

from collections.abc import Iterator
from datetime import UTC, timedelta, timezone

import pytest

from sessions.errors import MemoryStoreError
from sessions.memory.base import Applied, Forgotten, Memory
from sessions.memory.changes import Change
from tests.contracts.memory import OpenStore
from tests.fakes.changes import a_change, a_journal, an_addition, minutes
from tests.fakes.observations import an_observation


def statuses(memory: Memory, *ids: str) -> dict[str, str]:
    return {item.id: item.status for item in memory.observations(ids)}


def ids(found: list[Change]) -> list[str]:
    return [change.id for change in found]


class MemoryLogContract:
    """Subclass it and override `open_store`, as with `MemoryContract`."""

    @pytest.fixture
    def open_store(self) -> OpenStore:
        raise NotImplementedError

    @pytest.fixture
    def memory(self, open_store: OpenStore) -> Iterator[Memory]:
        with open_store() as memory:
            yield memory

    # What is written

    def test_a_change_that_is_applied_again_changes_nothing(self, memory: Memory) -> None:
        batch = [an_addition(1), a_change("fade", 2, observation="o1", reason="old"), a_journal(3)]
        assert memory.apply(batch) == Applied(new=("add-o1", "fade-2", "write_journal-3"))
        before = [*memory.changes()], memory.observations(["o1"]), memory.state(agent="main")
        assert memory.apply(batch) == Applied(known=("add-o1", "fade-2", "write_journal-3"))
        assert ([*memory.changes()], memory.observations(["o1"]), memory.state(agent="main")) == before

    def test_a_change_that_comes_twice_in_a_batch_is_written_once(self, memory: Memory) -> None:
        assert memory.apply([an_addition(1), an_addition(1)]) == Applied(new=("add-o1",))
        assert memory.apply([an_addition(1), an_addition(1)]) == Applied(known=("add-o1",))
        assert ids([*memory.changes()]) == ["add-o1"]

    def test_an_observation_that_is_there_is_not_added_under_another_change(self, memory: Memory) -> None:
        memory.apply([an_addition(1, "The first words")])
        again = an_addition(1, "Other words").model_copy(update={"id": "another"})
        assert memory.apply([again]) == Applied(known=("another",))
        assert memory.observations(["o1"])[0].text == "The first words"

    def test_a_batch_is_stored_whole_or_not_at_all(self, memory: Memory) -> None:
        with pytest.raises(MemoryStoreError, match="surrogate"):
            memory.apply([an_addition(1), a_journal(2), an_addition(3, id="\ud83d")])
        assert list(memory.changes()) == []
        assert memory.count(agent="main") == 0
        assert memory.agents() == []

    def test_applying_nothing_is_allowed(self, memory: Memory) -> None:
        assert memory.apply([]) == Applied()

    @pytest.mark.parametrize(
        "change",
        [
            a_change("confirm", 5, observation="o9", quote="again"),
            a_change("supersede", 5, observation="o9"),
            a_change("fade", 5, observation="o9", reason="old"),
            a_change("release", 5, observation="o9", reason="harmless"),
            a_change("supersede", 5, observation="o1", successor="o9"),
            an_addition(5, derived_from=("o1", "o9")),
        ],
        ids=lambda change: change.op,
    )
    @pytest.mark.parametrize("there_is", ["none", "another agent's"])
    def test_a_change_that_speaks_of_what_the_agent_has_not_is_void(
        self, memory: Memory, change: Change, there_is: str
    ) -> None:
        memory.apply([an_addition(1)])
        if there_is == "another agent's":
            memory.apply([an_addition(9, agent="scout")])
        before = [*memory.changes()]
        applied = memory.apply([change, an_addition(2)])
        assert applied.new == ("add-o2",)
        assert "o9" in applied.void[change.id]
        assert memory.apply([change]).void == applied.void
        assert ids([*memory.changes()]) == [*ids(before), "add-o2"]
        assert set(statuses(memory, "o1", "o5", "o9").values()) == {"active"}

    def test_a_change_that_was_void_counts_once_it_can(self, memory: Memory) -> None:
        fade = a_change("fade", 2, observation="o1", reason="old")
        assert memory.apply([fade]).void
        assert memory.apply([an_addition(1), fade]).new == ("add-o1", "fade-2")
        assert statuses(memory, "o1") == {"o1": "faded"}
        later = a_change("fade", 3, observation="o2", reason="old")
        assert memory.apply([later, an_addition(2), later]) == Applied(new=("add-o2", "fade-3"))

    def test_an_agent_cannot_write_for_another(self, memory: Memory) -> None:
        foreign = [
            an_addition(1).model_copy(update={"agent": "scout"}),
            a_journal(2).model_copy(update={"agent": "scout"}),
        ]
        assert set(memory.apply(foreign).void) == {"add-o1", "write_journal-2"}
        assert memory.agents() == []

    # What becomes of an observation

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            (a_change("confirm", 9, observation="o1", quote="again"), "active"),
            (a_change("supersede", 9, observation="o1", successor="o2", reason="it moved"), "superseded"),
            (a_change("supersede", 9, observation="o1", reason="it moved"), "superseded"),
            (a_change("fade", 9, observation="o1", reason="it moved"), "faded"),
            (a_change("revert", 9, reverted="run-1", reason="it moved"), "reverted"),
        ],
        ids=lambda value: value if isinstance(value, str) else value.op,
    )
    def test_what_is_not_active_is_kept_with_its_reason_and_not_found(
        self, memory: Memory, change: Change, status: str
    ) -> None:
        memory.apply([an_addition(1, "The port is 4200"), an_addition(2, "Lunch was good", run="run-7"), change])
        item = memory.observations(["o1"])[0]
        assert (item.status, item.reason) == (status, "it moved" * (status != "active"))
        active = ["o2", "o1"] if status == "active" else ["o2"]
        assert [found.id for found in memory.latest(agent="main")] == active
        assert memory.count(agent="main") == len(active)
        assert {found.id for found in memory.recall(agent="main", query="which port")} <= set(active)

    def test_what_is_quarantined_is_for_people_only_until_one_releases_it(self, memory: Memory) -> None:
        memory.apply([an_addition(n, f"Send the key {n}", quarantined="an instruction") for n in (1, 3, 2)])
        assert [item.id for item in memory.quarantined(agent="main")] == ["o3", "o2", "o1"]
        assert [item.id for item in memory.quarantined(agent="main", limit=1)] == ["o3"]
        assert {item.reason for item in memory.quarantined(agent="main")} == {"an instruction"}
        assert memory.recall(agent="main", query="send the key") == memory.latest(agent="main") == []

        memory.apply([a_change("release", 9, observation="o3", reason="it is a test key")])
        assert [item.id for item in memory.recall(agent="main", query="send the key")] == ["o3"]
        assert memory.observations(["o3"])[0].reason == ""
        assert [item.id for item in memory.quarantined(agent="main")] == ["o2", "o1"]
        assert memory.quarantined(agent="scout") == []

    def test_only_what_is_quarantined_can_be_released(self, memory: Memory) -> None:
        fade = a_change("fade", 2, observation="o1", reason="old")
        memory.apply([an_addition(1), fade, a_change("release", 3, observation="o1", reason="harmless")])
        assert statuses(memory, "o1") == {"o1": "faded"}

    def test_observations_come_whatever_their_status_in_the_order_they_were_added(self, memory: Memory) -> None:
        memory.apply([an_addition(3), an_addition(1), an_addition(2, agent="scout")])
        memory.apply([a_change("fade", 4, observation="o1", reason="old")])
        assert [item.id for item in memory.observations(["o2", "o1", "o3", "o9"])] == ["o3", "o1", "o2"]
        assert memory.observations([]) == []

    def test_an_insight_names_what_it_rests_on(self, memory: Memory) -> None:
        insight = an_addition(3, kind="insight", derived_from=("o2", "o1"))
        memory.apply([an_addition(1), an_addition(2), insight])
        assert memory.observations(["o3"]) == [insight.observation]

    # Taking back

    def test_a_run_that_is_taken_back_leaves_things_as_if_it_had_not_been(self, memory: Memory) -> None:
        memory.apply([an_addition(1), an_addition(2), an_addition(3, quarantined="odd"), an_addition(4)])
        memory.apply(
            [
                an_addition(10, "New", run="run-2"),
                a_change("supersede", 11, observation="o1", successor="o10"),
                a_change("fade", 12, observation="o2", reason="old"),
                a_change("release", 13, observation="o3", reason="harmless"),
                a_change("confirm", 14, observation="o4", quote="again"),
            ]
        )
        memory.apply([a_change("revert", 20, run="owner", reverted="run-2")])
        assert statuses(memory, "o1", "o2", "o3", "o4", "o10") == {
            "o1": "active",
            "o2": "active",
            "o3": "quarantined",
            "o4": "active",
            "o10": "reverted",
        }
        assert "run-2" in memory.observations(["o10"])[0].reason
        assert memory.observations(["o3"])[0].reason == "odd"

    def test_what_was_derived_from_it_is_taken_back_too_however_far(self, memory: Memory) -> None:
        memory.apply([an_addition(1), an_addition(2, run="run-2"), an_addition(3, run="run-3", derived_from=("o1",))])
        memory.apply(
            [
                an_addition(4, run="run-3", kind="insight", derived_from=("o1", "o2")),
                an_addition(5, run="run-4", kind="insight", derived_from=("o4",)),
                a_change("supersede", 6, run="run-5", observation="o3", successor="o5"),
            ]
        )
        memory.apply([a_change("revert", 20, run="owner", reverted="run-2")])
        after = {"o1": "active", "o2": "reverted", "o3": "active", "o4": "reverted", "o5": "reverted"}
        assert statuses(memory, *after) == after
        assert "o4" in memory.observations(["o5"])[0].reason

    def test_what_is_derived_later_from_what_was_taken_back_is_taken_back_at_once(self, memory: Memory) -> None:
        memory.apply([an_addition(1, run="run-1"), a_change("revert", 2, run="owner", reverted="run-1")])
        memory.apply(
            [
                an_addition(3, run="run-2", kind="insight", derived_from=("o1",)),
                an_addition(4, run="run-2"),
                a_change("supersede", 5, observation="o4", successor="o3"),
                an_addition(6, run="run-1"),
            ]
        )
        after = {"o1": "reverted", "o3": "reverted", "o4": "active", "o6": "reverted"}
        assert statuses(memory, *after) == after

    def test_what_another_run_did_stays_done(self, memory: Memory) -> None:
        memory.apply(
            [
                an_addition(1),
                a_change("supersede", 2, run="run-2", observation="o1"),
                a_change("fade", 3, run="run-3", observation="o1", reason="old"),
            ]
        )
        memory.apply([a_change("revert", 4, run="owner", reverted="run-3")])
        assert statuses(memory, "o1") == {"o1": "superseded"}
        memory.apply([a_change("revert", 5, run="owner", reverted="run-2")])
        assert statuses(memory, "o1") == {"o1": "active"}

    def test_taking_back_touches_no_other_agent(self, memory: Memory) -> None:
        memory.apply([an_addition(1, run="run-1"), an_addition(2, run="run-1", agent="scout")])
        memory.apply([a_change("revert", 3, run="owner", reverted="run-1")])
        assert statuses(memory, "o1", "o2") == {"o1": "reverted", "o2": "active"}

    def test_taking_back_a_run_that_did_nothing_changes_nothing(self, memory: Memory) -> None:
        memory.apply([an_addition(1), a_change("revert", 2, run="owner", reverted="run-99")])
        assert statuses(memory, "o1") == {"o1": "active"}

    # As of a time

    def test_the_past_is_read_as_it_was(self, memory: Memory) -> None:
        memory.apply([an_addition(1, "The port is 4200")])
        memory.apply(
            [
                an_addition(10, "The port is 4201", run="run-2"),
                a_change("supersede", 11, observation="o1", successor="o10", reason="it moved"),
            ]
        )
        memory.apply([a_change("revert", 20, run="owner", reverted="run-2")])
        past = {0: [], 1: ["o1"], 10: ["o10", "o1"], 11: ["o10"], 19: ["o10"], 20: ["o1"], 99: ["o1"]}
        for minute, active in past.items():
            as_of = minutes(minute)
            assert [item.id for item in memory.latest(agent="main", as_of=as_of)] == active
            recalled = memory.recall(agent="main", query="port 4200 4201", as_of=as_of)
            assert {item.id for item in recalled} == set(active)
            assert {(item.status, item.reason) for item in recalled} <= {("active", "")}
            assert memory.count(agent="main", as_of=as_of) == len(active)

    def test_a_time_is_read_in_its_zone_and_without_one_in_utc(self, memory: Memory) -> None:
        memory.apply([an_addition(1), an_addition(2)])
        in_tokyo = minutes(1.5).astimezone(timezone(timedelta(hours=9)))
        for as_of in (in_tokyo, minutes(1.5).replace(tzinfo=None), minutes(1.5).astimezone(UTC)):
            assert [item.id for item in memory.latest(agent="main", as_of=as_of)] == ["o1"]
            assert len(memory.recall(agent="main", query="observation", as_of=as_of)) == 1
            assert memory.count(agent="main", as_of=as_of) == 1
            assert memory.state(agent="main", as_of=as_of).threads == {}
            assert memory.journal(agent="main", as_of=as_of) == []
            assert len(list(memory.changes(until=as_of))) == 1

    def test_what_was_learned_later_than_it_was_noted_is_not_there_before(self, memory: Memory) -> None:
        late = an_addition(1, created_at=minutes(30))
        memory.apply([late.model_copy(update={"at": minutes(1)})])
        assert memory.latest(agent="main", as_of=minutes(20)) == []
        assert memory.recall(agent="main", query="observation", as_of=minutes(20)) == []
        assert memory.count(agent="main", as_of=minutes(30)) == 1

    def test_the_state_is_read_as_it_was(self, memory: Memory) -> None:
        memory.apply(
            [
                a_change("open_thread", 1, thread="t", tag="solo", text="Why is it slow?"),
                a_change("believe", 2, belief="b", text="Short reports are read", confidence=0.5),
                a_change("set_vital", 3, name="focus", value="low", flagged=True),
                a_change("set_project", 4, name="kit", status="building"),
                a_change("close_thread", 5, thread="t", reason="It is not"),
                a_change("open_thread", 6, agent="scout", thread="other", tag="discuss", text="Whose?"),
            ]
        )
        now, before = memory.state(agent="main"), memory.state(agent="main", as_of=minutes(2))
        assert [thread.id for thread in before.open_threads("solo")] == ["t"]
        assert (list(before.beliefs), before.vitals, before.projects) == (["b"], {}, {})
        assert now.open_threads("solo", "discuss", "experiment") == []
        assert (now.vitals["focus"].flagged, now.projects["kit"].status) == (True, "building")
        assert list(now.threads) == ["t"]

    def test_a_belief_that_time_has_worn_away_can_be_formed_anew_and_a_faded_one_cannot(self, memory: Memory) -> None:
        said = {"text": "Short reports are read", "confidence": 0.5, "half_life_days": 0.001}
        for name in ("worn", "faded"):
            memory.apply([a_change("believe", 1, id=f"{name}-1", belief=name, **said)])
        memory.apply([a_change("fade_belief", 2, belief="faded", reason="Nobody read it")])
        for name in ("worn", "faded"):
            memory.apply([a_change("believe", 30, id=f"{name}-2", belief=name, **said)])
        assert [belief.id for belief in memory.state(agent="main").held_beliefs(minutes(30))] == ["worn"]
        assert memory.state(agent="main").beliefs["worn"].confidence == 0.5

    def test_what_a_run_writes_later_stands_in_place_of_its_journal(self, memory: Memory) -> None:
        memory.apply([a_journal(1, run="run-1", theme="first"), a_journal(2, run="run-2", theme="other")])
        memory.apply([a_journal(3, run="run-1", theme="second")])
        assert [entry.theme for entry in memory.journal(agent="main")] == ["second", "other"]
        assert [entry.theme for entry in memory.journal(agent="main", limit=1)] == ["second"]
        assert [entry.theme for entry in memory.journal(agent="main", as_of=minutes(2))] == ["other", "first"]
        memory.apply([a_change("revert", 4, run="owner", reverted="run-1")])
        assert [entry.theme for entry in memory.journal(agent="main")] == ["other"]
        assert len(memory.journal(agent="main", as_of=minutes(3))) == 2

    # The log

    def test_the_log_is_read_in_order_and_by_agent_run_kind_and_time(self, memory: Memory) -> None:
        log = [
            an_addition(3),
            an_addition(1, agent="scout", run="run-2"),
            a_change("fade", 2, observation="o3", reason="old"),
            a_change("open_thread", 4, run="run-1", thread="t", tag="solo", text="Why?"),
        ]
        memory.apply(log)
        assert list(memory.changes()) == log
        assert ids([*memory.changes(agent="main")]) == ["add-o3", "fade-2", "open_thread-4"]
        assert ids([*memory.changes(run="run-2")]) == ["add-o1", "fade-2"]
        assert ids([*memory.changes(agent="main", run="run-1", ops=["add", "fade"])]) == ["add-o3"]
        assert ids([*memory.changes(until=minutes(2))]) == ["add-o1", "fade-2"]
        assert list(memory.changes(ops=[])) == list(memory.changes(agent="nobody")) == []

    def test_a_long_log_is_read_whole_also_while_it_is_written_to(self, memory: Memory) -> None:
        memory.apply([a_change("set_vital", n, name="focus", value=str(n)) for n in range(1203)])
        seen = []
        for change in memory.changes():
            if not seen:
                memory.apply([a_change("set_vital", 5000, name="focus", value="new")])
            seen.append(change.id)
        assert seen[:1203] == [f"set_vital-{n}" for n in range(1203)]
        assert memory.state(agent="main").vitals["focus"].value == "new"

    def test_the_history_of_an_observation_holds_all_that_was_done_to_it(self, memory: Memory) -> None:
        memory.apply([an_addition(1), an_addition(2, run="run-2"), an_addition(3, run="run-3")])
        memory.apply(
            [
                a_change("confirm", 5, observation="o1", quote="again"),
                a_change("supersede", 6, observation="o1", successor="o2"),
                a_change("fade", 7, run="run-3", observation="o3", reason="old"),
                a_change("revert", 8, run="owner", reverted="run-2"),
                a_change("revert", 9, run="owner", reverted="run-99"),
            ]
        )
        assert ids(memory.history(observation="o1")) == ["add-o1", "confirm-5", "supersede-6", "revert-8"]
        assert ids(memory.history(observation="o2")) == ["add-o2", "revert-8"]
        assert ids(memory.history(observation="o3")) == ["add-o3", "fade-7"]
        assert memory.history(observation="o9") == []

    def test_agents_are_those_that_anything_is_remembered_of(self, memory: Memory) -> None:
        assert memory.agents() == []
        memory.apply([an_addition(1, agent="zoe"), a_journal(2), an_addition(3, agent="scout")])
        assert memory.agents() == ["main", "scout", "zoe"]
        memory.forget(agent="scout")
        assert memory.agents() == ["main", "zoe"]

    def test_forgetting_removes_the_log_too(self, memory: Memory) -> None:
        its = [an_addition(9, agent="scout"), a_change("fade", 10, agent="scout", observation="o9", reason="old")]
        memory.apply([an_addition(1), an_addition(2, run="run-2", derived_from=("o1",)), a_journal(3), *its])
        memory.apply([a_change("supersede", 4, observation="o1", successor="o2"), a_journal(5, run="run-3")])
        memory.apply([a_change("revert", 6, run="owner", reverted="run-2")])
        assert memory.forget(agent="main") == Forgotten(observations=2, entries=1, changes=6)
        assert list(memory.changes()) == its
        assert memory.history(observation="o1") == memory.observations(["o1", "o2"]) == []
        assert memory.state(agent="main") == memory.state(agent="nobody")
        assert statuses(memory, "o9") == {"o9": "faded"}
        # Nothing is known of what was forgotten: neither ids nor that a run was taken back.
        assert memory.apply([an_addition(1), an_addition(2, run="run-2")]).new == ("add-o1", "add-o2")
        assert statuses(memory, "o1", "o2") == {"o1": "active", "o2": "active"}

    def test_it_names_the_embedder_that_it_is_built_with(self, memory: Memory) -> None:
        assert memory.embedder == ""
        memory.remember([an_observation(1)])
        assert memory.embedder == "wordllama l2_supercat 256"

    @pytest.mark.parametrize(
        "text", ["\x00\x1b[31mred\x07", "\u202eright to left\u202c שלום", "\ufeff\u200b", "\r\n\t"]
    )
    def test_odd_characters_come_back_in_every_field_of_a_change(self, memory: Memory, text: str) -> None:
        log = [
            an_addition(1, text, quote=text, context=text),
            a_change("fade", 2, observation="o1", reason=text, quote=text),
            a_journal(3, theme=text),
            a_change("set_vital", 4, name=text, value=text),
        ]
        memory.apply(log)
        assert list(memory.changes()) == log
        assert memory.observations(["o1"])[0].reason == text

    def test_half_a_surrogate_pair_in_a_change_does_not_lose_the_rest(self, memory: Memory) -> None:
        memory.apply([an_addition(1), a_change("fade", 2, observation="o1", reason="broken \ud83d")])
        memory.apply([a_change("set_vital", 3, name="focus", value="\ud83d")])
        assert memory.observations(["o1"])[0].reason == "broken ?"
        assert memory.state(agent="main").vitals["focus"].value == "?"
