"""The command's own help, as it prints it."""

from collections.abc import Iterator

from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from cli.main import app

_WIDTH = 100


def render_commands() -> str:
    """Each command with its help."""
    text = "Exit code 0 is good, 1 is a problem with what was given, in a sentence on standard error, 2 a wrong usage."
    return "\n\n".join(["## Commands", text, *(_section(name, command) for name, command in find_commands().items())])


def find_commands() -> dict[str, TyperCommand]:
    """The commands by name, in the order of the help."""
    return dict(_commands_in(get_command(app), ""))


def _commands_in(command: object, name: str) -> Iterator[tuple[str, TyperCommand]]:
    if isinstance(command, TyperCommand):
        yield name, command
    elif isinstance(command, TyperGroup):
        for word, inner in command.commands.items():
            yield from _commands_in(inner, f"{name} {word}".strip())


def _section(name: str, command: TyperCommand) -> str:
    context = command.context_class(
        command, info_name=f"sessions {name}", terminal_width=_WIDTH, max_content_width=_WIDTH
    )
    return f"### `sessions {name}`\n\n```\n{command.get_help(context).strip()}\n```"
