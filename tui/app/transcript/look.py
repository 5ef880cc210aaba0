"""What decides how rows look, apart from the text."""

from __future__ import annotations

from dataclasses import dataclass

from tui.app.glyphs import Glyphs
from tui.app.transcript.rows import Page
from tui.app.transcript.styles import Styles


@dataclass(frozen=True, slots=True)
class Look:
    """One way to set a conversation."""

    page: Page
    styles: Styles
    glyphs: Glyphs
    wraps_code: bool = True
    """A line of code wider than the window goes on in the next row; False cuts it at the edge, with a mark."""
