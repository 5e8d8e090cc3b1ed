from pathlib import Path
from typing import Any

import pytest

from sessions.errors import ScriptError
from sessions.offline import read_script
from sessions.offline.message import compose
from sessions.offline.request import ApiRequest, RequestError, read_request
from sessions.offline.script import Answer, When

REMINDER = "<system-reminder>\nAs you answer, mind the gap.\n</system-reminder>\n"
CONVERSATION: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "system": [{"type": "text", "text": "You know the door."}],
    "tools": [{"name": "Bash"}],
    "output_config": {"format": {"type": "json_schema", "schema": {}}},
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": REMINDER}, {"type": "text", "text": "Look around."}]},
        {"role": "system", "content": "Today is Friday."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "Bash", "input": {}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "a red door"}]},
                {"type": "text", "text": REMINDER},
            ],
        },
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t2", "name": "Bash", "input": {}}]},
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "t2", "content": "a blue door", "is_error": True}],
        },
    ],
}


@pytest.fixture
def request_() -> ApiRequest:
    return read_request(CONVERSATION)


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({}, True),
        ({"last_contains": "Look around"}, True),
        ({"last_contains": "mind the gap"}, False),
        ({"last_matches": r"^Look\s\w+\.$"}, True),
        ({"last_matches": "^around"}, False),
        ({"prompt_contains": "Look"}, True),
        ({"system_contains": "the door"}, True),
        ({"system_contains": "Friday"}, True),
        ({"system_contains": "window"}, False),
        ({"result_contains": "blue"}, True),
        ({"result_contains": "red"}, False),
        ({"model": "claude-haiku-4-5"}, True),
        ({"model": "claude-opus-4-5"}, False),
        ({"turn": 2}, True),
        ({"turn": 1}, False),
        ({"turn_at_least": 2}, True),
        ({"turn_at_least": 3}, False),
        ({"tool": "Bash"}, True),
        ({"tool": "Read"}, False),
        ({"has_tools": True}, True),
        ({"has_tools": False}, False),
        ({"json_schema": True}, True),
        ({"json_schema": False}, False),
        ({"turn": 2, "tool": "Read"}, False),
    ],
)
def test_every_condition_of_a_rule_is_looked_at(request_: ApiRequest, when: dict[str, Any], *, holds: bool) -> None:
    assert When.model_validate(when).holds(request_) is holds


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ prompt }} {{ last }}", "Look around. Look around."),
        ("{{ results | join(' and ') }}", "a red door and a blue door"),
        ("{{ failed }}", "[False, True]"),
        ("{{ system }}", "You know the door.\nToday is Friday."),
        ("{{ reminders | first_line }}", "<system-reminder>"),
        ("{{ 'a\nb c\nbd' | lines_with('b') }}", "['b c', 'bd']"),
        ("{{ 'x1 y22' | find('[0-9]+') }} {{ 'x1 y22' | find('y([0-9])') }}", "['1', '22'] ['2']"),
        ("{{ {'a': 'ü<'} | tojson }}", '{"a": "ü<"}'),
        ("{{ turn }} {{ model }} {{ tools }}", "2 claude-haiku-4-5 ['Bash']"),
        ("{{ request.messages | length }}", "6"),
    ],
)
def test_templates_see_what_the_request_holds(request_: ApiRequest, template: str, text: str) -> None:
    message = compose(Answer.model_validate({"blocks": [{"text": template}]}), request_, 1)
    assert message.content[0]["text"] == text


@pytest.mark.parametrize(
    ("yaml", "sentence"),
    [
        ("", "the whole file: Input should be a valid dictionary"),
        ("rules: []", "rules: List should have at least 1 item"),
        (
            "rules: [{answer: {}}]",
            "rules.0.answer: Value error, an answer needs blocks, stop_reason, gemini, error or fault",
        ),
        ("rules: [{answer: {blocks: [{text: '{{ a'}]}}]", "not a template"),
        ("rules: [{answer: {blocks: [{tool: A, input: {b: ['{% c']}}]}}]", "not a template"),
        ("rules: [{answer: {blocks: [{tool: A, text: b}]}}]", "rules.0.answer.blocks.0.tool.text: Extra inputs"),
        ("rules: [{answer: {blocks: [hello]}}]", "rules.0.answer.blocks.0: a block needs text, thinking or tool"),
        ("rules: [{answer: {blocks: [{text: a}]}, when: {turns: 1}}]", "rules.0.when.turns: Extra inputs"),
        ("rules: [{answer: {blocks: [{text: a}]}, when: {last_matches: '('}}]", "not a regular expression"),
        ("rules: [{answer: {error: {type: oh_no}}}]", "rules.0.answer.error.type: Input should be"),
        ("rules: [", "the script is not YAML"),
    ],
)
def test_a_wrong_script_is_named_with_file_and_rule(tmp_path: Path, yaml: str, sentence: str) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(yaml)
    with pytest.raises(ScriptError) as caught:
        read_script(path)
    assert str(path) in str(caught.value)
    assert sentence in str(caught.value)


def test_a_template_cannot_reach_out_of_the_sandbox(request_: ApiRequest) -> None:
    answer = Answer.model_validate({"blocks": [{"text": "{{ ''.__class__.__mro__ }}"}]})
    with pytest.raises(Exception, match="unsafe"):
        compose(answer, request_, 1)


@pytest.mark.parametrize("body", [{}, {"model": "m"}, {"model": "m", "messages": "hello"}])
def test_what_is_not_a_request_is_a_sentence(body: dict[str, Any]) -> None:
    with pytest.raises(RequestError, match=r"messages|model"):
        read_request(body)
