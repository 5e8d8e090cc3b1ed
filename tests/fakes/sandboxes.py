"""For tests that need bubblewrap: they say why they do not run where it does not."""

from pathlib import Path

import pytest

from sessions.sandbox import why_no_sandbox

needs_sandbox = pytest.mark.skipif(bool(why_no_sandbox()), reason=f"no sandbox here: {why_no_sandbox()}")


def refusing_bubblewrap(folder: Path) -> None:
    """A program in `folder` that says what bubblewrap says where it may make no namespaces."""
    program = folder / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(0o700)
