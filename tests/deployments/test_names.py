import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.names import check_display_name, display_name_of, name_from_prompt, slug_of, with_display_name
from sessions.errors import SpecError
from sessions.parameters import SLUG

ANY_TEXT = st.text(st.characters(exclude_categories=()))
#: What Kubernetes takes as the value of a label.
LABEL = r"[a-z0-9A-Z]([-_.a-z0-9A-Z]{0,61}[a-z0-9A-Z])?"


@pytest.mark.parametrize(
    "name", ["x" * 50, "😀" * 50, "Nightly code health", "  spaces around  ", "日本語のレポート", "a\u200db"]
)
def test_a_display_name_may_have_fifty_characters_of_any_script(name: str) -> None:
    assert check_display_name(name) == name.strip()


@pytest.mark.parametrize("name", ["", "   ", "\u200b", "\u3000\u00a0", "\u200b\u200d \ufeff"], ids=ascii)
def test_a_display_name_that_shows_nothing_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match="blank") as refused:
        check_display_name(name)
    assert refused.value.field == "name"


@pytest.mark.parametrize(
    "name", ["a\nb", "a\tb", "a\x00b", "a\x1b[31mb", "a\u2028b", "a\ud83db", "a\u202eb"], ids=ascii
)
def test_control_characters_in_a_display_name_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match="control characters"):
        check_display_name(name)


def test_fifty_one_characters_are_refused_with_their_number() -> None:
    with pytest.raises(SpecError, match="51 characters; give at most 50"):
        check_display_name("😀" * 51)


@given(ANY_TEXT)
def test_every_prompt_makes_a_display_name(prompt: str) -> None:
    name = name_from_prompt(prompt)
    assert check_display_name(name) == name


@given(ANY_TEXT.filter(lambda text: any(unicodedata.category(character)[0] not in "CZ" for character in text)))
def test_every_name_makes_a_name_and_a_label_that_are_valid(name: str) -> None:
    slug = slug_of(name)
    assert re.fullmatch(SLUG, slug)
    assert re.fullmatch(LABEL, slug)
    assert len(slug) <= 50


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        (
            "# Look at the code, and say what got worse since last night. Then stop.",
            "Look at the code, and say what got worse",
        ),
        ("Say: hello!\nThen more.", "Say: hello! Then more"),
        ("https://example.org/a/very/long/address/that/never/ends", "https://example.org/a/very/long/address/"),
        ("日本語" * 30, ("日本語" * 30)[:40]),
        ("---", "Session"),
        ("\x1b[31mRed", "[31mRed"),
    ],
)
def test_a_name_is_made_of_the_beginning_of_the_prompt(prompt: str, name: str) -> None:
    assert name_from_prompt(prompt) == name


def test_the_display_name_is_kept_beside_other_tags() -> None:
    tags = with_display_name(["team:a", "display-name:Old"], "New: one")
    assert tags == ["team:a", "display-name:New: one"]
    assert display_name_of(tags, "slug") == "New: one"
    assert display_name_of(with_display_name(tags, None), "slug") == "slug"
