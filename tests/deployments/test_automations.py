"""How soon the automations of a server hear that a run died."""

from datetime import timedelta

from prefect.events.schemas.automations import AutomationCore, EventTrigger

from deployments.automations import unbegun_automation, zombie_automation
from tasks.signs_of_life import HEARTBEAT_SECONDS

TWO_MINUTES = timedelta(minutes=2)


def within(automation: AutomationCore) -> timedelta:
    assert isinstance(automation.trigger, EventTrigger)
    return automation.trigger.within


def test_a_run_that_falls_silent_is_crashed_within_two_minutes_of_its_death() -> None:
    heartbeat = timedelta(seconds=HEARTBEAT_SECONDS)
    assert 2 * heartbeat < within(zombie_automation()) <= TWO_MINUTES - heartbeat


def test_a_run_that_never_begins_is_crashed_within_two_minutes() -> None:
    assert within(unbegun_automation()) <= TWO_MINUTES
