"""A session of its own that tidies a memory, by one model call whose answer is checked."""

from sessions.consolidation.call import ConsolidationCall
from sessions.consolidation.work import consolidation_context, nothing_new

__all__ = ["ConsolidationCall", "consolidation_context", "nothing_new"]
