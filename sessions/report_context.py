"""The context of a run as the morning reader sees it: safe to show, with what of it came from where."""

from pydantic import ValidationError

from sessions.context import Manifest
from sessions.run_folder import RunFolder
from sessions.safe_markdown import code, folded, plain, safe, table

_HOW_TO_OPEN = "`sessions memory show ID` opens what a line names: the words it came from, and how to take it back."


def show_context(run: RunFolder) -> str:
    """What the agent was told, and below it, folded, why each of its lines stands there and what was left out."""
    if not run.context_path.exists():
        return "The run had no context."
    told = safe(run.context_path.read_text(encoding="utf-8"))
    try:
        manifest = Manifest.model_validate_json(run.manifest_path.read_bytes())
    except (OSError, ValidationError):
        # A run of an earlier version, or one that was interrupted in between.
        return told
    return f"{told}\n\n{folded('What went in, and why', render_manifest(manifest))}"


def render_manifest(manifest: Manifest) -> str:
    """The manifest as Markdown: how long the context is, and a row for everything that was weighed for it."""
    size = f"{manifest.lines} lines, about {manifest.tokens:,} of at most {manifest.most_tokens:,} tokens."
    others = f" {manifest.not_weighed:,} observations were not weighed: {manifest.not_weighed_why}."
    rows = [
        (" ".join(map(code, (each.id, *each.about))), each.kind, plain(each.why), plain(each.left_out) or "shown")
        for each in manifest.candidates
    ]
    head = f"{size}{others * bool(manifest.not_weighed)} {_HOW_TO_OPEN}"
    return f"{head}\n\n{table(('id', 'kind', 'why', 'left out'), rows)}" if rows else head
