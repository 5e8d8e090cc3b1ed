import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.context.quoting import ShortIds, as_data


@given(st.text(max_size=600))
def test_data_is_one_line_of_json_within_its_length(text: str) -> None:
    data = as_data(text, 100)
    assert "\n" not in data
    assert len(json.loads(data)) <= 100


@pytest.mark.parametrize("hidden", ["\x00", "\x1b", "\u200b", "\u202e", "\u2066", "\ufeff"])
def test_nothing_that_is_not_seen_is_handed_on(hidden: str) -> None:
    assert as_data(f"a{hidden}b", 50) == '"ab"'


def test_letters_of_every_script_stay() -> None:
    assert as_data("Tür ドア باب", 50) == '"Tür ドア باب"'


def test_what_is_cut_says_so() -> None:
    assert as_data("one two three", 9) == '"one two…"'


def test_ids_are_shortened_as_far_as_they_stay_apart() -> None:
    short = ShortIds(["0f8fad5b-d9cb-469f", "0f8fad5b-d9cc-1111", "77777777-d9cb", "run-1"])
    assert short("0f8fad5b-d9cb-469f") == "0f8fad5b-d9cb"
    assert short("77777777-d9cb") == "77777777"
    assert short("run-1") == "run-1"
    assert short("abcdefghijk") == "abcdefgh"
