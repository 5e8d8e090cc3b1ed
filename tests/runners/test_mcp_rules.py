import pytest

from sessions.errors import RunnerError
from sessions.runners.mcp_rules import McpRules, without_mcp

SERVERS = {"memory": ("recall", "note_thread"), "my-door": None}


def offered(allowed: tuple[str, ...] = (), disallowed: tuple[str, ...] = ()) -> set[str]:
    rules = McpRules(allowed, disallowed, SERVERS)
    both = [("memory", "recall"), ("memory", "note_thread"), ("my-door", "open")]
    return {f"{server} {tool}" for server, tool in both if rules.offers(server, tool)}


ALL = {"memory recall", "memory note_thread", "my-door open"}


@pytest.mark.parametrize(
    ("allowed", "disallowed", "left"),
    [
        ((), (), ALL),
        (("Read", "Bash(git log:*)"), (), ALL),
        (("mcp__memory",), (), ALL),
        (("mcp__memory__recall",), (), ALL - {"memory note_thread"}),
        (("mcp__memory__*",), ("mcp__memory__recall",), ALL - {"memory recall"}),
        ((), ("mcp__memory",), {"my-door open"}),
        ((), ("mcp__my-door__*",), ALL - {"my-door open"}),
        (("mcp__my-door__shut",), (), ALL - {"my-door open"}),
    ],
)
def test_a_server_is_allowed_whole_unless_rules_narrow_it(
    allowed: tuple[str, ...], disallowed: tuple[str, ...], left: set[str]
) -> None:
    assert offered(allowed, disallowed) == left


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("mcp__", "is malformed"),
        ("mcp__memory(recall)", "is malformed"),
        ("mcp__attic__open", "names an MCP server that this session lacks; it has memory, my-door"),
        ("mcp__memory__forget", "names no tool of memory; it has recall, note_thread"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused(rule: str, said: str) -> None:
    with pytest.raises(RunnerError, match=said):
        McpRules([rule], [], SERVERS)


def test_rules_are_spelled_for_a_program_that_judges_by_them_itself() -> None:
    rules = McpRules(["mcp__my-door__open"], ["mcp__my-door__shut", "mcp__memory"], SERVERS)
    assert (rules.allowed_of("my-door"), rules.disallowed_of("my-door")) == (
        ["mcp__my-door__open"],
        ["mcp__my-door__shut"],
    )
    assert McpRules([], [], SERVERS).allowed_of("my-door") == ["mcp__my-door"]


def test_other_rules_are_left_to_others() -> None:
    assert without_mcp(["Read", " mcp__memory", "Bash(echo mcp__x)"]) == ["Read", "Bash(echo mcp__x)"]
