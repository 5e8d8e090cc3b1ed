import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sessions.channels import open_channel
from sessions.channels.base import Receipt
from sessions.delivery import (
    DIED_WHILE_SENDING,
    alert_targets,
    attempt,
    delivery_state,
    retry_delays,
    send_once,
    targets_for,
    undelivered,
)
from sessions.errors import DeliveryError, RunFolderError
from sessions.outcome import Delivery, Outcome
from sessions.parameter_values import DeliveryTarget
from sessions.redaction import Redactor
from sessions.report_message import build_alert, build_message, message_key, new_receipt
from sessions.settings import Settings
from sessions.spec import SessionSpec
from tests.fakes.channels import RecordingChannel
from tests.fakes.reports import RUN_ID, full_report

FILE = DeliveryTarget(channel="file", to="last.md")
CHAT = DeliveryTarget(channel="telegram", to="-1001:topic:42")
HOOK = DeliveryTarget(channel="webhook", to="https://hooks.example/s3cret-path")
REDACT = Redactor({"API_KEY": "s3cret-value-1"})
BUSY, REFUSED = DeliveryError("busy s3cret-value-1", retryable=True), DeliveryError("refused", retryable=False)


@dataclass
class Book:
    """Keeps every receipt that was saved."""

    saved: list[Receipt] = field(default_factory=list)

    def __call__(self, receipt: Receipt) -> None:
        self.saved.append(receipt)

    @property
    def statuses(self) -> list[str]:
        return [receipt.status for receipt in self.saved]


def spec(**fields: object) -> SessionSpec:
    return SessionSpec.model_validate({"prompt": "Look.", **fields})


async def deliver(channel: RecordingChannel, receipt: Receipt, book: Book, target: DeliveryTarget = CHAT) -> Receipt:
    message = build_message(full_report(), target, REDACT)
    return await send_once(channel, target, message, receipt, save=book, redact=REDACT)


@pytest.mark.parametrize("outcome", [Outcome.COMPLETED, Outcome.STOPPED, Outcome.OVER_BUDGET])
def test_an_ordinary_end_goes_to_delivery_alone(outcome: Outcome) -> None:
    assert targets_for(outcome, spec(delivery=[FILE], failure_delivery=[CHAT])) == [FILE]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.TIMED_OUT, Outcome.CRASHED, Outcome.NEEDS_INPUT])
def test_an_end_that_somebody_must_look_into_goes_to_failure_delivery_too(outcome: Outcome) -> None:
    assert targets_for(outcome, spec(delivery=[FILE], failure_delivery=[CHAT, FILE])) == [FILE, CHAT]


@pytest.mark.parametrize("outcome", [Outcome.MISSED, Outcome.SKIPPED_OVERLAP, Outcome.NO_CHANGE, Outcome.BACKING_OFF])
def test_a_run_without_an_agent_has_nothing_to_deliver(outcome: Outcome) -> None:
    targets = targets_for(outcome, spec(delivery=[FILE], failure_delivery=[CHAT]))
    assert targets == []
    assert delivery_state(RUN_ID, [], targets) is Delivery.NOTHING_TO_DELIVER


def test_a_target_of_mode_none_gets_nothing() -> None:
    kept = FILE.model_copy(update={"mode": "none"})
    assert targets_for(Outcome.COMPLETED, spec(delivery=[kept])) == []
    assert delivery_state(RUN_ID, [], [kept]) is Delivery.NOTHING_TO_DELIVER


def test_a_key_is_the_same_in_every_process_and_differs_by_run_target_and_purpose() -> None:
    assert message_key("run", CHAT) == "206cd38dcd2ffe2751fd8f723ed37d80"
    keys = {message_key(run, target, why) for run in "ab" for target in (CHAT, FILE) for why in ("report", "alert")}
    assert len(keys) == 8


def test_a_message_holds_what_people_and_programs_read_and_no_secret() -> None:
    message = build_message(full_report(notes=("used s3cret-value-1",), model="s3cret-value-1"), HOOK, REDACT)
    assert message.title == "✅ nightly-code-health: completed"
    assert message.facts["slot"] == "2026-11-03T01:00:00+00:00"
    assert message.facts["duration_seconds"] == 83
    assert message.facts["cost_usd"] == 0.0421
    assert "s3cret-value-1" not in message.model_dump_json()


async def test_a_receipt_says_sending_before_and_delivered_after() -> None:
    book, channel = Book(), RecordingChannel()
    receipt = await deliver(channel, new_receipt(RUN_ID, CHAT), book)
    assert book.statuses == ["sending", "delivered"]
    assert (receipt.status, receipt.attempts, receipt.detail) == ("delivered", 1, "-1001:topic:42")
    assert receipt.key in channel.taken


@pytest.mark.parametrize("status", ["delivered", "unknown"])
async def test_what_is_settled_is_not_sent_again(status: str) -> None:
    book, channel = Book(), RecordingChannel()
    settled = new_receipt(RUN_ID, CHAT).model_copy(update={"status": status})
    assert await deliver(channel, settled, book) == settled
    assert (channel.tries, book.saved) == (0, [])


async def test_a_process_that_died_while_sending_to_a_chat_is_not_repeated() -> None:
    book, channel = Book(), RecordingChannel(repeatable=False)
    left = new_receipt(RUN_ID, CHAT).model_copy(update={"status": "sending", "attempts": 1})
    receipt = await deliver(channel, left, book)
    assert (receipt.status, receipt.detail) == ("unknown", DIED_WHILE_SENDING)
    assert channel.tries == 0


async def test_a_process_that_died_while_sending_is_repeated_where_the_receiver_can_tell() -> None:
    book, channel = Book(), RecordingChannel(repeatable=True)
    left = new_receipt(RUN_ID, HOOK).model_copy(update={"status": "sending", "attempts": 1})
    receipt = await deliver(channel, left, book, HOOK)
    assert (receipt.status, receipt.attempts, channel.tries) == ("delivered", 2, 1)


async def test_a_refusal_is_written_down_without_secrets_and_raised() -> None:
    book = Book()
    with pytest.raises(DeliveryError, match=r"^telegram -1001:topic:42: busy \[redacted\]$") as caught:
        await deliver(RecordingChannel(refusals=[BUSY]), new_receipt(RUN_ID, CHAT), book)
    assert caught.value.retryable is True
    assert (book.statuses, book.saved[-1].detail) == (["sending", "failed"], "busy [redacted]")


async def test_nothing_is_sent_that_cannot_be_written_down_first() -> None:
    def full(receipt: Receipt) -> None:
        raise RunFolderError(f"the disk is full: {receipt.status}")

    channel = RecordingChannel()
    message = build_message(full_report(), CHAT, REDACT)
    with pytest.raises(RunFolderError):
        await send_once(channel, CHAT, message, new_receipt(RUN_ID, CHAT), save=full, redact=REDACT)
    assert channel.tries == 0


async def tried(refusals: list[DeliveryError], target: DeliveryTarget = CHAT) -> tuple[Receipt, list[float]]:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    settings = Settings(delivery_retries=2, delivery_retry_seconds=5)
    receipt = await attempt(
        RecordingChannel(refusals=refusals),
        target,
        build_message(full_report(), target, REDACT),
        new_receipt(RUN_ID, target),
        save=Book(),
        redact=REDACT,
        delays=retry_delays(target, settings),
        sleep=sleep,
    )
    return receipt, waits


async def test_what_may_pass_is_tried_again_after_doubling_waits() -> None:
    receipt, waits = await tried([BUSY, BUSY])
    assert (receipt.status, receipt.attempts, waits) == ("delivered", 3, [5.0, 10.0])


async def test_trying_again_ends_as_the_settings_say() -> None:
    receipt, waits = await tried([BUSY] * 5)
    assert (receipt.status, receipt.attempts, waits) == ("failed", 3, [5.0, 10.0])


async def test_what_is_refused_for_good_is_tried_once() -> None:
    receipt, waits = await tried([REFUSED])
    assert (receipt.status, receipt.attempts, waits) == ("failed", 1, [])


async def test_best_effort_is_tried_once() -> None:
    receipt, waits = await tried([BUSY], CHAT.model_copy(update={"best_effort": True}))
    assert (receipt.status, receipt.attempts, waits) == ("failed", 1, [])


def receipts(**statuses: str) -> list[Receipt]:
    by_name = {"file": FILE, "chat": CHAT, "hook": HOOK}
    return [
        new_receipt(RUN_ID, by_name[name]).model_copy(update={"status": status, "detail": "no"})
        for name, status in statuses.items()
    ]


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ({"file": "delivered", "chat": "delivered"}, Delivery.DELIVERED),
        ({"file": "delivered", "chat": "failed"}, Delivery.DELIVERY_FAILED),
        ({"file": "delivered", "chat": "unknown"}, Delivery.DELIVERY_FAILED),
        ({"file": "delivered", "chat": "sending"}, Delivery.DELIVERY_FAILED),
        ({"file": "delivered"}, Delivery.DELIVERY_FAILED),
        ({"file": "delivered", "hook": "delivered"}, Delivery.DELIVERY_FAILED),
    ],
)
def test_one_target_without_its_report_is_a_failed_delivery(statuses: dict[str, str], state: Delivery) -> None:
    assert delivery_state(RUN_ID, receipts(**statuses), [FILE, CHAT]) is state


def test_a_failed_best_effort_is_recorded_and_raises_no_alert() -> None:
    chat = CHAT.model_copy(update={"best_effort": True})
    failed = receipts(file="delivered", chat="failed")
    assert delivery_state(RUN_ID, failed, [FILE, chat]) is Delivery.DELIVERY_FAILED
    assert alert_targets(RUN_ID, failed, [FILE, chat], spec(failure_delivery=[HOOK])) == []


def test_a_failed_delivery_is_told_to_those_who_can_still_be_reached() -> None:
    failed = receipts(file="delivered", chat="failed")
    assert alert_targets(RUN_ID, failed, [FILE, CHAT], spec(failure_delivery=[CHAT, HOOK])) == [HOOK]
    assert alert_targets(RUN_ID, receipts(file="delivered"), [FILE], spec(failure_delivery=[HOOK])) == []


def test_an_alert_says_who_did_not_get_the_report_why_and_brings_it() -> None:
    lost = [receipt for _, receipt in undelivered(RUN_ID, receipts(chat="failed"), [CHAT])]
    alert = build_alert(full_report(), lost, HOOK, REDACT)
    assert alert.title == "⚠️ nightly-code-health: the report could not be delivered"
    assert "- telegram -1001:topic:42: no\n" in alert.markdown
    assert "What got worse" in alert.markdown
    assert alert.facts["undelivered"] == ["telegram -1001:topic:42"]
    assert alert.key != build_message(full_report(), HOOK, REDACT).key


async def test_a_report_reaches_a_file_and_its_receipt_survives_on_paper(tmp_path: Path) -> None:
    book, settings = Book(), Settings(home=tmp_path)
    message = build_message(full_report(), FILE, REDACT)
    channel = open_channel(FILE, settings, {})
    await send_once(channel, FILE, message, new_receipt(RUN_ID, FILE), save=book, redact=REDACT)
    assert (tmp_path / "last.md").read_text() == message.markdown
    read_again = [Receipt.model_validate(json.loads(receipt.model_dump_json())) for receipt in book.saved[-1:]]
    assert delivery_state(RUN_ID, read_again, [FILE]) is Delivery.DELIVERED
