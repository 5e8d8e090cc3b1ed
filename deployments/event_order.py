"""Lets the automations of the local server see events that follow one which was never sent.

Prefect's automations handle the events of a run in their order: one that follows another waits for it, for a quarter of
an hour. But no event tells that the scheduler made a run. Of a run that was made less than five minutes before a worker
takes it, as after a deployment, they would hear nothing until then; and if worker and run died meanwhile, it held its
session's slot so long. The server is told to order events by this module (`PREFECT_SERVER_EVENTS_CAUSAL_ORDERING`).
"""

from datetime import timedelta

from prefect.server.events.ordering import memory

from deployments.hearing import watch_over_runs
from deployments.lasting_services import make_services_last

#: Events of one run are at most some seconds apart in their order, on one machine.
PATIENCE = timedelta(seconds=20)

memory.PRECEDING_EVENT_LOOKBACK = PATIENCE  # type: ignore[attr-defined] # the module takes it from its package
#: What the setting asks of the module.
CausalOrdering = memory.CausalOrdering

# The one module of this project that every server loads which is told to.
watch_over_runs()
make_services_last()
