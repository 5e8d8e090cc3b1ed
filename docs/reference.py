"""Writes `docs/reference.md` from the code: `python -m docs.reference`, and with `--check` only says if it is stale."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from docs.reference_commands import render_commands
from docs.reference_models import render_channels, render_models, render_outcomes, render_presets, render_tools
from docs.reference_places import render_agent_environment, render_run_folder, render_stack_settings
from docs.reference_settings import render_settings
from docs.reference_spec import render_parameters

REFERENCE = Path(__file__).with_name("reference.md")
HEAD = """\
# Reference

Generated from the code by `make docs`; a test says when it is stale. Change the code, not this file."""
SECTIONS: tuple[Callable[[], str], ...] = (
    render_parameters,
    render_presets,
    render_channels,
    render_tools,
    render_models,
    render_outcomes,
    render_settings,
    render_agent_environment,
    render_stack_settings,
    render_run_folder,
    render_commands,
)


def render_reference() -> str:
    """The whole reference as Markdown."""
    return "\n\n".join([HEAD, *(render() for render in SECTIONS)]) + "\n"


def main(arguments: Sequence[str] | None = None, path: Path = REFERENCE) -> int:
    """Write the reference, or with `--check` compare it; returns the exit code, 1 for a stale one."""
    parser = argparse.ArgumentParser(prog="python -m docs.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file is stale")
    text = render_reference()
    if not parser.parse_args(arguments).check:
        path.write_text(text, encoding="utf-8")
        return 0
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{path.name} is stale; run `make docs`\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
