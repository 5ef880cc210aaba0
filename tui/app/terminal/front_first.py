"""Which widgets a picture is drawn from: only those of which something is seen in the rows that changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from textual._compositor import Compositor
from textual.geometry import Region
from textual.strip import Strip


class FrontFirstCompositor(Compositor):
    """Textual asks every widget for all of its rows, also those that nothing is seen of. Here it ends with the first
    ones, from front to back, that fill the rows.
    """

    def _render_chops(self, crop: Region, is_rendered_line: Callable[[int], bool]) -> Sequence[Mapping[int, Strip]]:
        cuts = self.cuts
        chops: list[dict[int, Strip | None]] = [{} for _ in cuts]
        missing: dict[int, int] = {}
        """By row, how many of its parts nobody has drawn yet."""
        for row in crop.line_range:
            if 0 <= row < len(cuts) and is_rendered_line(row):
                chops[row] = dict.fromkeys(cuts[row][:-1])
                missing[row] = len(chops[row])
        for widget, (region, clip) in self.visible_widgets.items():
            if not missing:
                break
            seen = region.intersection(clip)
            rows = [row for row in seen.line_range if row in missing] if seen else []
            if not rows:
                continue
            strips = widget.render_lines(seen.translate(-region.offset))
            first_cut, last_cut = seen.column_span
            for row in rows:
                if row - seen.y >= len(strips):
                    break
                line = chops[row]
                within = [cut for cut in cuts[row] if first_cut <= cut <= last_cut]
                parts = strips[row - seen.y].divide([cut - seen.x for cut in within[1:]])
                for cut, part in zip(within, parts, strict=False):
                    if line.get(cut) is None:
                        line[cut] = part
                        missing[row] -= 1
                if missing[row] <= 0:
                    del missing[row]
        return cast("Sequence[Mapping[int, Strip]]", chops)
