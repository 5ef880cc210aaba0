"""Doing at once what a key is bound to, instead of when it has bubbled up to the app."""

from __future__ import annotations

from typing import Any

from textual.app import App


async def run_bound(app: App[Any], key: str) -> bool:
    """Runs the first action, from the focus up, that does not pass the key on; False when there is none."""
    return await app._check_bindings(key)
