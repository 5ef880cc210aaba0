"""What brings a terminal back from everything that was set in it. Imports nothing."""

from __future__ import annotations

MOUSE_OFF = "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l"
LEAVE = f"\x1b[?2026l\x1b[0m\x1b[r{MOUSE_OFF}\x1b[?2048l\x1b[?2004l\x1b[?1004l\x1b[?7h\x1b[<u\x1b[?1049l\x1b[?25h"
"""The keyboard goes back before the other screen is left: kitty keeps one stack of modes for each screen."""
CANCEL = "\x18"
"""Ends a sequence that was cut off."""
