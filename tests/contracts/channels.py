"""What every channel does, whatever it sends to."""

import abc
import logging
from dataclasses import dataclass, field

import pytest

from sessions.channels.base import Channel, Message
from sessions.errors import DeliveryError
from sessions.outcome import Outcome

REPORT = """# ✅ nightly: completed

The agent finished. See [the log](https://ci.example/log?a=1&b=2), `a_b < c` and **3 files** (#12)!

## Findings

- one_two_three *is* 50% slower, 3 > 2
- `x = "a|b"`

| Metric | Value |
| --- | --- |
| Turns | 5 |

<details>
<summary>Bash was refused</summary>

```json
{"command": "rm -rf `pwd`"}
```

</details>

Last words. @everyone <!channel>
"""


def message(markdown: str = REPORT, key: str = "0123456789abcdef") -> Message:
    return Message(
        key=key,
        title="✅ nightly: completed",
        markdown=markdown,
        session="nightly",
        run_id="0f8fad5b-d9cb-469f-a165-70867728950e",
        outcome=Outcome.COMPLETED,
        facts={"slot": "2026-11-03T02:00:00+01:00", "turns": 5, "report": "/home/ann/sessions/report.md"},
    )


@dataclass
class Reached:
    """A channel, an address that works, one that does not, and what arrived."""

    channel: Channel
    to: str
    dead: str
    received: list[str] = field(default_factory=list)
    secrets: tuple[str, ...] = ()


class ChannelContract(abc.ABC):
    """Subclasses give the fixture `reached`; `limit` is the longest message that the service takes."""

    limit = 0

    @abc.abstractmethod
    def arrived(self, reached: Reached) -> list[str]:
        """The texts that arrived."""

    async def test_a_report_arrives_once_with_its_title_and_its_last_words(self, reached: Reached) -> None:
        where = await reached.channel.send(message(), reached.to)
        (text,) = self.arrived(reached)
        assert "completed" in text
        assert "Last words" in text
        assert where
        assert not any(secret in where for secret in reached.secrets)

    async def test_checking_a_target_sends_nothing_and_finds_nothing_wrong_with_a_good_one(
        self, reached: Reached
    ) -> None:
        await reached.channel.check(reached.to)
        assert self.arrived(reached) == []

    async def test_checking_a_target_names_a_missing_variable(self, reached: Reached) -> None:
        with pytest.raises(DeliveryError, match="NOT_SET_ANYWHERE") as caught:
            await reached.channel.check("${NOT_SET_ANYWHERE}/x")
        assert caught.value.retryable is False

    async def test_a_very_long_report_arrives_as_one_message_within_the_limit(self, reached: Reached) -> None:
        long = "\n\n".join(f"Paragraph {n} of what_was_found. `code` **bold** 1 < 2." for n in range(2000))
        await reached.channel.send(message(f"# Long\n\n```\n{'x' * 900}\n```\n{long}"), reached.to)
        (text,) = self.arrived(reached)
        assert "Paragraph 1" in text
        if self.limit:
            assert len(text) <= self.limit
            assert text.rstrip().replace("\\", "").endswith("/home/ann/sessions/report.md")
        else:
            assert "Paragraph 1999" in text

    async def test_a_repetition_is_no_second_message_where_the_channel_says_so(self, reached: Reached) -> None:
        if reached.channel.repeatable:
            await reached.channel.send(message(), reached.to)
        await reached.channel.send(message(), reached.to)
        assert len(self.arrived(reached)) == 1

    async def test_a_missing_variable_is_named_and_trying_again_is_no_use(self, reached: Reached) -> None:
        with pytest.raises(DeliveryError, match="NOT_SET_ANYWHERE") as caught:
            await reached.channel.send(message(), "${NOT_SET_ANYWHERE}/x")
        assert caught.value.retryable is False
        assert self.arrived(reached) == []

    async def test_a_target_that_does_not_take_it_ends_in_a_sentence_without_secrets(
        self, reached: Reached, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        with pytest.raises(DeliveryError) as caught:
            await reached.channel.send(message(), reached.dead)
        assert "\n" not in str(caught.value)
        assert "Traceback" not in str(caught.value)
        for secret in reached.secrets:
            assert secret not in str(caught.value)
            assert secret not in caplog.text
        assert self.arrived(reached) == []
