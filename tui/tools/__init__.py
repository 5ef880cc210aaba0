"""Functions that a model may call: who allows it, and how they run.

A file of one's own in the folder of tools begins with ``from tui.tools import tool``.
"""

from __future__ import annotations

from tui.tools.declared import Effect, Tool, tool

__all__ = ["Effect", "Tool", "tool"]
