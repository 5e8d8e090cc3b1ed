"""What every Memory keeps to. A store's own test subclasses `MemoryContract` and says how it is opened."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta, timezone

import pytest

from sessions.errors import MemoryStoreError
from sessions.memory.base import Forgotten, Memory, Remembered
from tests.fakes.observations import MIDNIGHT, an_entry, an_observation

OpenStore = Callable[[], Memory]


class MemoryContract:
    """Subclass it and override `open_store`."""

    @pytest.fixture
    def open_store(self) -> OpenStore:
        """A function that opens the same, at first empty, store each time it is called."""
        raise NotImplementedError

    @pytest.fixture
    def memory(self, open_store: OpenStore) -> Iterator[Memory]:
        with open_store() as memory:
            yield memory

    def test_an_empty_memory_knows_nothing(self, memory: Memory) -> None:
        assert memory.count(agent="main") == 0
        assert memory.latest(agent="main") == []
        assert memory.journal(agent="main") == []
        assert memory.recall(agent="main", query="anything at all") == []

    def test_what_is_remembered_comes_back_whole_after_reopening(self, open_store: OpenStore) -> None:
        observation = an_observation(
            1,
            "Ships on Fridays. 🚢 שלום",
            kind="decision",
            quote="we ship 'on' Fridays;\n\x00 -- DROP TABLE",
            context="When do you ship?",
            importance=0.9,
        )
        entry = an_entry(
            1, built="a report", noticed="slow tests", changed="n", assumptions="UTC", next='ask about "x"'
        )
        with open_store() as memory:
            memory.remember([observation], entry)
        with open_store() as memory:
            assert memory.latest(agent="main") == [observation]
            assert memory.recall(agent="main", query="when do we ship") == [observation]
            assert memory.journal(agent="main") == [entry]

    def test_it_says_which_ids_are_new_and_which_were_known(self, memory: Memory) -> None:
        assert memory.remember([an_observation(1), an_observation(2)]) == Remembered(added=("o1", "o2"))
        again = memory.remember([an_observation(2), an_observation(3)])
        assert again == Remembered(added=("o3",), known=("o2",))

    def test_remembering_the_same_twice_changes_nothing(self, memory: Memory) -> None:
        for theme in ("first", "second"):
            memory.remember([an_observation(1, f"The {theme} words")], an_entry(1, theme=theme))
        assert [observation.text for observation in memory.latest(agent="main")] == ["The first words"]
        assert [entry.theme for entry in memory.journal(agent="main")] == ["first"]
        assert len(memory.recall(agent="main", query="words")) == 1

    def test_an_id_that_comes_twice_in_one_call_is_stored_once(self, memory: Memory) -> None:
        assert memory.remember([an_observation(1, "one"), an_observation(1, "two")]).added == ("o1",)
        assert [observation.text for observation in memory.latest(agent="main")] == ["one"]

    def test_remembering_nothing_is_allowed(self, memory: Memory) -> None:
        assert memory.remember([]) == Remembered()
        assert memory.remember([], an_entry(1)) == Remembered()
        assert len(memory.journal(agent="main")) == 1

    def test_each_agent_sees_only_its_own(self, memory: Memory) -> None:
        mine, its = an_observation(1, "Builds fail at night"), an_observation(2, "Builds fail", agent="scout")
        memory.remember([mine, its], an_entry(1, agent="scout"))
        assert memory.recall(agent="main", query="builds fail") == [mine]
        assert memory.recall(agent="scout", query="builds fail") == [its]
        assert memory.latest(agent="scout") == [its]
        assert memory.count(agent="main") == 1
        assert memory.journal(agent="main") == []
        assert memory.recall(agent="nobody", query="builds fail") == []

    @pytest.mark.parametrize("status", ["superseded", "reverted", "quarantined"])
    def test_what_is_not_active_is_neither_recalled_nor_counted(self, memory: Memory, status: str) -> None:
        kept = an_observation(1, "The port is 4200")
        memory.remember([kept, an_observation(2, "The port is 4201", status=status)])
        assert memory.recall(agent="main", query="which port is it") == [kept]
        assert memory.latest(agent="main") == [kept]
        assert memory.count(agent="main") == 1

    def test_the_newest_come_first_whatever_the_order_of_writing(self, memory: Memory) -> None:
        memory.remember([an_observation(n) for n in (2, 5, 1)], an_entry(2))
        memory.remember([an_observation(n) for n in (4, 3)], an_entry(1))
        assert [observation.id for observation in memory.latest(agent="main", limit=3)] == ["o5", "o4", "o3"]
        assert [entry.id for entry in memory.journal(agent="main")] == ["run-2", "run-1"]

    def test_moments_of_other_time_zones_stand_in_their_true_order(self, memory: Memory) -> None:
        in_tokyo = MIDNIGHT.astimezone(timezone(timedelta(hours=9)))
        memory.remember([an_observation(1), an_observation(2, created_at=in_tokyo)])
        assert [observation.id for observation in memory.latest(agent="main")] == ["o1", "o2"]

    @pytest.mark.parametrize("limit", [0, -1, 3, 10**30])
    def test_no_more_than_the_limit_comes_back(self, memory: Memory, limit: int) -> None:
        memory.remember([an_observation(n, f"The build number {n} failed") for n in range(5)])
        expected = min(max(limit, 0), 5)
        assert len(memory.recall(agent="main", query="build", limit=limit)) == expected
        assert len(memory.latest(agent="main", limit=limit)) == expected

    @pytest.mark.parametrize("query", ["", "   ", "\n\t\u3000"])
    def test_a_blank_query_speaks_to_nothing(self, memory: Memory, query: str) -> None:
        memory.remember([an_observation(1)])
        assert memory.recall(agent="main", query=query) == []

    @pytest.mark.parametrize(
        "query",
        [
            'text:"deploy" AND (x OR NOT y*) NEAR(a b, 2) ^z {quote}: -w',
            "'; DROP TABLE observations; --",
            '"""',
            "*",
            "🎉🎉",
            "שלום עולם مرحبا",
            "中文の検索",
            "\x00deploy\x00",
            "\ud800deploy",
            "deploy " * 150_000,
            "x" * 1_000_000,
        ],
        ids=lambda query: ascii(query[:20]),
    )
    def test_any_characters_may_stand_in_a_query(self, memory: Memory, query: str) -> None:
        stored = an_observation(1, "The deploy went well")
        memory.remember([stored])
        assert memory.recall(agent="main", query=query) in ([stored], [])
        assert memory.recall(agent="main", query=query + " deploy")[:1] in ([stored], [])

    @pytest.mark.parametrize("text", [" ", "🎉", "\x00", "z" * 1_000_000, "word " * 200_000])
    def test_any_text_can_be_remembered(self, memory: Memory, text: str) -> None:
        stored = an_observation(1, text)
        memory.remember([stored])
        assert memory.latest(agent="main") == [stored]

    def test_half_a_surrogate_pair_in_a_quote_does_not_lose_the_rest(self, memory: Memory) -> None:
        memory.remember([an_observation(1, quote="broken \ud83d emoji")], an_entry(1, built="\ud83d"))
        assert memory.latest(agent="main")[0].quote == "broken ? emoji"
        assert memory.journal(agent="main")[0].built == "?"

    def test_half_a_surrogate_pair_in_an_id_is_refused(self, memory: Memory) -> None:
        with pytest.raises(MemoryStoreError, match="surrogate"):
            memory.remember([an_observation(1), an_observation(2, id="\ud83d")])
        assert memory.count(agent="main") == 0

    def test_inflected_words_are_found(self, memory: Memory) -> None:
        memory.remember([an_observation(1, "Deployments kept failing"), an_observation(2, "Coffee is out")])
        assert memory.recall(agent="main", query="deployment failed")[0].id == "o1"

    def test_words_of_the_quote_and_the_turn_before_it_are_found(self, memory: Memory) -> None:
        memory.remember(
            [
                an_observation(1, "The owner wants short reports", quote="keep it crisp, Zanzibar style"),
                an_observation(2, "The owner agreed", context="May I archive the xylophone repository?"),
                an_observation(3, "The owner is away in May"),
            ]
        )
        assert memory.recall(agent="main", query="zanzibar")[0].id == "o1"
        assert memory.recall(agent="main", query="xylophone")[0].id == "o2"

    def test_a_paraphrase_without_a_common_word_is_found(self, memory: Memory) -> None:
        memory.remember(
            [
                an_observation(1, "The nightly build breaks because storage is full"),
                an_observation(2, "Alice likes brief summaries"),
                an_observation(3, "Telegram messages need a topic id"),
                an_observation(4, "The requests library was upgraded to 2.32"),
            ]
        )
        assert memory.recall(agent="main", query="who enjoys short reports")[0].id == "o2"
        assert memory.recall(agent="main", query="compilation error, disk space")[0].id == "o1"

    def test_a_paraphrase_of_the_quote_is_found(self, memory: Memory) -> None:
        memory.remember(
            [
                an_observation(1, "The owner said no", quote="never deploy while the kids are at school"),
                an_observation(2, "The owner said yes", quote="paint it green"),
                an_observation(3, "The owner said maybe", quote="ask the bank first"),
            ]
        )
        assert memory.recall(agent="main", query="children education")[0].id == "o1"
        assert memory.recall(agent="main", query="money, finance")[0].id == "o3"

    def test_among_equals_the_newest_comes_first_and_only_then(self, memory: Memory) -> None:
        same = [an_observation(number, "The cache is stale") for number in (1, 3, 2)]
        memory.remember([an_observation(0, "The stale cache broke the login page"), *same])
        memory.remember([an_observation(9, "Lunch was good")])
        assert [found.id for found in memory.recall(agent="main", query="cache is stale")][:3] == ["o3", "o2", "o1"]
        assert memory.recall(agent="main", query="login page")[0].id == "o0"

    def test_the_same_question_gets_the_same_answer(self, open_store: OpenStore) -> None:
        with open_store() as memory:
            memory.remember([an_observation(n, f"Job {n % 7} of queue {n % 5} took {n} s") for n in range(60)])
            first = memory.recall(agent="main", query="how long did job 3 take")
            assert memory.recall(agent="main", query="how long did job 3 take") == first
        with open_store() as memory:
            assert memory.recall(agent="main", query="how long did job 3 take") == first

    def test_what_another_opener_stored_is_seen_at_once(self, open_store: OpenStore) -> None:
        with open_store() as reader, open_store() as writer:
            reader.remember([an_observation(1, "Pears are green")])
            assert len(reader.recall(agent="main", query="fruit colours")) == 1
            writer.remember([an_observation(2, "Plums are blue")])
            assert reader.recall(agent="main", query="plums")[0].id == "o2"
            by_meaning = reader.recall(agent="main", query="fruit colours")
            assert {found.id for found in by_meaning} == {"o1", "o2"}

    def test_threads_may_share_it(self, memory: Memory) -> None:
        def learn(number: int) -> int:
            memory.remember([an_observation(number)], an_entry(number))
            return len(memory.recall(agent="main", query=f"observation number {number}", limit=1))

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(learn, range(40))) == [1] * 40
        assert memory.count(agent="main") == 40

    def test_what_an_agent_forgets_is_gone_and_other_agents_keep_theirs(self, open_store: OpenStore) -> None:
        its = an_observation(9, "The cache is stale", agent="scout")
        with open_store() as memory:
            reverted = an_observation(2, "The cache is fresh", status="reverted")
            memory.remember([an_observation(1, "The cache is stale"), reverted, its], an_entry(1))
            memory.remember([], an_entry(2, agent="scout"))
            assert memory.recall(agent="main", query="stale cache")

            assert memory.forget(agent="main") == Forgotten(observations=2, entries=1, changes=3)
            assert memory.forget(agent="main") == Forgotten()
        with open_store() as memory:
            assert memory.count(agent="main") == 0
            assert memory.latest(agent="main") == []
            assert memory.journal(agent="main") == []
            assert memory.recall(agent="main", query="stale cache") == []
            assert memory.recall(agent="scout", query="stale cache") == [its]
            assert len(memory.journal(agent="scout")) == 1

    def test_forgetting_an_agent_that_knows_nothing_is_allowed(self, memory: Memory) -> None:
        assert memory.forget(agent="nobody") == Forgotten()

    def test_what_is_learned_after_forgetting_is_found_also_by_who_searched_before(self, open_store: OpenStore) -> None:
        with open_store() as reader, open_store() as writer:
            writer.remember([an_observation(1, "Rain in the mountains"), an_observation(2, "Lunch was good")])
            assert reader.recall(agent="main", query="wet weather, peaks")[0].id == "o1"
            writer.forget(agent="main")
            assert reader.recall(agent="main", query="wet weather, peaks") == []
            # The same ids may come again: they are unknown now.
            writer.remember([an_observation(1, "The owner likes tea"), an_observation(2, "A shower on the hills")])
            for memory in (reader, writer):
                assert memory.recall(agent="main", query="wet weather, peaks")[0].id == "o2"

    def test_closing_twice_is_harmless_and_using_it_after_says_so(self, open_store: OpenStore) -> None:
        memory = open_store()
        memory.close()
        memory.close()
        with pytest.raises(MemoryStoreError, match="closed"):
            memory.count(agent="main")
