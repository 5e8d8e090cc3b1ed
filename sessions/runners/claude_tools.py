"""What tools a Claude Code agent has: which are there at all, and which calls of them are made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from claude_agent_sdk import HookContext, HookInput, HookJSONOutput, HookMatcher

from sessions.errors import RunnerError
from sessions.runners import tools as own_tools
from sessions.runners.permissions import Permissions, Rule, parse_rule
from sessions.runners.base import AgentTask
