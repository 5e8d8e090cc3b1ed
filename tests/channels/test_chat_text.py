import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.channels.chat_text import as_chat_text
from sessions.channels.dialects import DISCORD, SLACK, TELEGRAM, Dialect, length
from tests.contracts.channels import REPORT
from tests.fakes.chat_servers import markdown_v2_error

ENDING = "Shortened. The whole report: /home/ann/report.md"


def test_a_report_becomes_telegrams_own_marks() -> None:
    text = as_chat_text("nightly: completed", REPORT, TELEGRAM, ending=ENDING)
    assert text.splitlines() == [
        "*nightly: completed*",
        "",
        r"The agent finished\. See [the log](https://ci.example/log?a=1&b=2), `a_b < c` and *3 files* \(\#12\)\!",
        "",
        "*Findings*",
        "",
        r"• one\_two\_three \*is\* 50% slower, 3 \> 2",
        '• `x = "a|b"`',
        "",
        "Metric: Value",
        "Turns: 5",
        "",
        "*Bash was refused*",
        "",
        "```",
        r'{"command": "rm -rf \`pwd\`"}',
        "```",
        "",
        "Last words\\. @\u200beveryone <\\!channel\\>",
    ]


def test_a_report_becomes_slacks_own_marks() -> None:
    text = as_chat_text("nightly: completed", REPORT, SLACK, ending=ENDING)
    assert "<https://ci.example/log?a=1&amp;b=2|the log>, `a_b &lt; c` and *3 files* (#12)!" in text
    assert "<!channel>" not in text


def test_nobody_is_called_by_what_an_agent_wrote() -> None:
    text = as_chat_text(
        "@here", "@everyone <@123> <@&9> [x](https://e.example/@everyone) a@b.example", DISCORD, ending=""
    )
    assert "@everyone" not in text
    assert "@here" not in text
    assert "<@1" not in text
    assert "<@&" not in text
    assert "a@b.example" in text


@pytest.mark.parametrize("dialect", [TELEGRAM, SLACK, DISCORD])
def test_a_cut_message_says_where_the_whole_report_is(dialect: Dialect) -> None:
    text = as_chat_text("title", "some words that fill it 🙂.\n" * 1000, dialect, ending=ENDING)
    assert dialect.limit - 60 < length(text) <= dialect.limit
    assert text.endswith(dialect.escape(ENDING))


def test_one_endless_line_is_cut_and_not_lost() -> None:
    text = as_chat_text("title", "word " * 10_000, TELEGRAM, ending=ENDING)
    assert text.count("word") > 500


def test_a_block_of_code_that_is_cut_is_closed() -> None:
    text = as_chat_text("title", "```python\n" + "x = 1\n" * 2000, DISCORD, ending=ENDING)
    assert text.count("```") % 2 == 0
    assert text.endswith(DISCORD.escape(ENDING))


@given(st.text(st.sampled_from("ab1 \n\n`*_[]()<>#|!\\~-.&;@{}="), max_size=300))
def test_telegram_would_refuse_nothing_that_anyone_can_write(markdown: str) -> None:
    text = as_chat_text("t", markdown, TELEGRAM, ending=ENDING)
    assert markdown_v2_error(text) == "", text
