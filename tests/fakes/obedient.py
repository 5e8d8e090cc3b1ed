"""An offline model that does what its prompt says, so that a test writes down in the prompt what the agent does.

    RUN: echo green        the agent calls Bash with that, once for each such line
    ASK: which door?       the agent first asks a person that, with the choices green and red
    SAY: all is well       the last message holds that

After each command it says `I found: …` with the first line of the result, and that is what the extraction learns.
"""

from typing import Any

from sessions.offline import Script

EXTRACT = """\
{% set found = last | find("I found: ([^\\n]+)") | unique | list %}
{% set kept = namespace(list=[]) %}
{% for line in found %}
{% set kept.list = kept.list + [{"action": "ADD", "kind": "fact", "text": "It was " ~ line ~ ".",
  "quote": "I found: " ~ line, "importance": 0.5}] %}
{% endfor %}
{{ {"observations": kept.list, "journal": {"theme": "Looking at " ~ (found | first | default("nothing")),
  "built": "", "noticed": found | join("; "), "changed": "", "assumptions": "", "next": "Look again."}} | tojson }}"""
REPORT = """\
{% for result in results %}
I found: {{ result | first_line }}
{% endfor %}
{{ prompt | find("SAY: ([^\\n]+)") | join("\\n") or "Done." }}"""
MOST_COMMANDS = 3

Rule = dict[str, Any]
_ASKED = {
    "question": "{{ prompt | find('ASK: ([^\\n]+)') | first }}",
    "header": "Door",
    "multiSelect": False,
    "options": [{"label": colour, "description": f"the {colour} one"} for colour in ("green", "red")],
}
ASKING: Rule = {
    "when": {"has_tools": True, "turn": 0, "prompt_contains": "ASK: "},
    "answer": {"blocks": [{"tool": "AskUserQuestion", "input": {"questions": [_ASKED]}}]},
}


def extraction_rule(**answer: object) -> Rule:
    """How the extraction call is answered; with what was found if nothing else is said."""
    return {"when": {"json_schema": True}, "answer": answer or {"blocks": [{"text": EXTRACT}]}}


def obedient_rules() -> list[Rule]:
    """The rules, to be put behind others."""
    report = {"when": {"has_tools": True}, "answer": {"blocks": [{"text": REPORT}]}}
    other = {"answer": {"blocks": [{"text": "offline"}]}}
    return [extraction_rule(), ASKING, *map(_command_rule, range(MOST_COMMANDS)), report, other]


def _command_rule(turn: int) -> Rule:
    """In its turn the agent says what the command before came to, and calls the next."""
    command = "{{ (prompt | find('RUN: ([^\\n]+)'))[" + str(turn) + "] }}"
    said = [{"text": "I found: {{ results[-1] | first_line }}"}] if turn else []
    return {
        "when": {"has_tools": True, "turn": turn, "last_matches": f"(RUN: .*){{{turn + 1}}}"},
        "answer": {"blocks": [*said, {"tool": "Bash", "input": {"command": command}}]},
    }


def obedient_script(*first: Rule) -> Script:
    """The script, with rules that go before its own."""
    return Script.model_validate({"rules": [*first, *obedient_rules()]})
