import pytest

from sessions.errors import SpecError
from sessions.spec import SessionSpec, parse_overrides, parse_spec


def test_a_prompt_is_all_that_a_session_needs() -> None:
    spec = parse_spec({"prompt": "Look."})
    assert (spec.agent, spec.runner, spec.temperature, spec.max_tokens) == ("main", "claude-agent-sdk", 0.7, 4000)
    assert (spec.timeout_seconds, spec.starting_deadline_seconds) == (300, 300)
    assert (spec.keep_successful, spec.keep_failed) == (5, 3)


@pytest.mark.parametrize(
    ("parameters", "field", "words"),
    [
        ({}, "", "prompt: is blank"),
        ({"prompt": " \n"}, "", "prompt: is blank"),
        ({"prompt": "a", "prompt_file": "b.md"}, "", "not both"),
        ({"prompt_file": "/etc/passwd"}, "", "outside the repository"),
        ({"prompt_file": "a/../../b.md"}, "", "outside the repository"),
        ({"prompt": "a", "temperature": -0.1}, "temperature", "greater than or equal to 0"),
        ({"prompt": "a", "temperature": 2.1}, "temperature", "less than or equal to 2"),
        ({"prompt": "a", "max_tokens": 0}, "max_tokens", "greater than or equal to 1"),
        ({"prompt": "a", "agent": "Main"}, "agent", "match"),
        ({"prompt": "a", "runner": "bard"}, "runner", "claude-agent-sdk"),
        ({"prompt": "a", "modle": "x"}, "modle", "not permitted"),
        ({"prompt": "a", "repos": [{"url": ""}]}, "repos.0.url", "at least 1 character"),
        ({"prompt": "a", "delivery": [{"channel": "webhook"}]}, "delivery.0", "channel webhook needs `to`"),
        ({"prompt": "a", "delivery": [{"channel": "fax", "to": "1"}]}, "delivery.0.channel", "webhook"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_parameter_is_named_with_what_would_be_right(
    parameters: dict[str, object], field: str, words: str
) -> None:
    with pytest.raises(SpecError, match=words) as raised:
        parse_spec(parameters)
    assert raised.value.field == field


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(SpecError, match=r"max_tokens: .*; temperature: |temperature: .*; max_tokens: "):
        parse_spec({"prompt": "a", "temperature": 9, "max_tokens": 0})


def test_overrides_are_json_where_they_can_be_and_text_where_the_parameter_is() -> None:
    pairs = ["temperature=0.2", 'repos=[{"url": "."}]', "prompt=7", "model=claude-haiku-4-5", "agent=a=b"]
    assert parse_overrides(pairs) == {
        "temperature": 0.2,
        "repos": [{"url": "."}],
        "prompt": "7",
        "model": "claude-haiku-4-5",
        "agent": "a=b",
    }


@pytest.mark.parametrize(("pair", "words"), [("temperature", "write it as name=value"), ("modle=x", "is no parameter")])
def test_an_override_that_is_none_is_refused(pair: str, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        parse_overrides([pair])


def test_every_parameter_has_a_title_and_what_is_not_plain_by_it_a_description() -> None:
    for name, field in SessionSpec.model_fields.items():
        assert field.title, name
        assert field.description or name.startswith("keep_"), name
