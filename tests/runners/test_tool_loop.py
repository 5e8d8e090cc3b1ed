"""What the loop behind the runners without a program of their own does, whichever API it asks."""

from pathlib import Path

import pytest

from sessions.models import find_model
from sessions.runners import open_runner
from sessions.runners.base import Stop
from tests.fakes.driving import Place
from tests.fakes.scripts import says, script

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


@pytest.mark.parametrize(("runner", "model"), [("anthropic", "claude-sonnet-4-5"), ("gemini", "gemini-2.5-flash")])
async def test_a_broken_answer_is_not_asked_for_again_where_that_would_pass_max_cost(
    tmp_path: Path, runner: str, model: str
) -> None:
    place = Place(open_runner(runner), tmp_path, ENVIRONMENT, find_model(model))
    usage = {"input_tokens": 1_000_000}
    limit = 1.5 * place.model.price.input
    driven = await place.drive(script(says("I was", fault="cut_stream", usage=usage)), retries=2, max_cost_usd=limit)
    assert (driven.end.stop, len(driven.bodies)) == (Stop.MAX_COST, 1)
