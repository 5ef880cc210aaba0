"""For a locale that is not UTF-8: what chinwag draws is ASCII, whatever widget it comes from."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SINGLE = dict(zip("·•…‥–—‘’“”×±▌●◌✓■▸▾›↓▰▱␛␀␍␈␇␡⟦⟧", "-*>>--''\"\"x~|*o+#>v>v#-????b??[]", strict=False))
_SHAPES = {
    "-": "─━═╌┄┈",
    "|": "│┃║╎┆┊▏▎▍▐▕",
    "+": "┌┐└┘├┤┬┴┼╭╮╰╯╔╗╚╝╠╣╦╩╬┏┓┗┛",
    "_": "▁▂",
    ".": "▃▄",
    "=": "▅▆▇█",
}
_TABLE = str.maketrans(_SINGLE | {shape: plain for plain, shapes in _SHAPES.items() for shape in shapes})


class AsciiOnly(LineFilter):
    """One character for one character of the same width. What has no counterpart, such as a model's own words, stays."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment
            if segment.text.isascii()
            else Segment(segment.text.translate(_TABLE), segment.style, segment.control)
            for segment in segments
        ]
