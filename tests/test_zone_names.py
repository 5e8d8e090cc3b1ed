"""The names of time zones, looked up once in a process."""

import subprocess
import sys

LISTED = """
import zoneinfo
looks, own = [], zoneinfo.available_timezones
zoneinfo.available_timezones = lambda: looks.append(1) or own()
from sessions.zone_names import remember_zone_names
remember_zone_names()
from prefect.client.schemas.schedules import CronSchedule
for _ in range(5):
    CronSchedule(cron="0 9 * * *", timezone="Europe/Berlin")
try:
    CronSchedule(cron="0 9 * * *", timezone="Europe/Nowhere")
except ValueError as error:
    assert "Europe/Nowhere" in str(error), error
else:
    raise AssertionError("it took a zone that is none")
print(len(looks))
"""


def test_prefect_looks_for_zones_once_and_still_knows_those_that_are_none() -> None:
    done = subprocess.run([sys.executable, "-c", LISTED], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "1", done.stderr
