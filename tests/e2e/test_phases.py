"""The phases of a run, as people and programs are shown them."""

import pytest
from prefect.client.schemas.objects import State, StateType

from tasks.run_rows import as_row
from tests.fakes.house import House

PHASES = {
    "Pending": [StateType.SCHEDULED],
    "Creating": [StateType.PENDING],
    "Running": [StateType.RUNNING, StateType.PAUSED],
    "Stopping": [StateType.CANCELLING],
    "Completed": [StateType.COMPLETED],
    "Failed": [StateType.FAILED, StateType.CRASHED],
    "Stopped": [StateType.CANCELLED],
}


@pytest.mark.parametrize("phase", PHASES)
async def test_each_phase_is_derived_from_the_state_that_the_server_has(house: House, phase: str) -> None:
    run_id = await house.ask_for()
    for kind in PHASES[phase]:
        async with house.client() as client:
            # One that never began is not cancelled by and by.
            for each in (StateType.RUNNING, kind):
                await client.set_flow_run_state(run_id, State(type=each), force=True)
            assert as_row(await client.read_flow_run(run_id)).phase == phase


def test_every_state_has_a_phase() -> None:
    assert {kind for kinds in PHASES.values() for kind in kinds} == set(StateType)
