"""Tables as Markdown, CSV and HTML. What stands in them is foreign text: it stays text in each of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from tui.cleaning import clean_line
from tui.conversations.pages import escaped

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet runs a cell that begins so."""
_MARKDOWN_ESCAPED = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_{}[]<>#|!~$"})
LONGEST_CELL = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Every row has as many cells as ``head``. A number is right-aligned; None is an empty cell."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]


def as_markdown(table: Table) -> str:
    """With the title as a heading, ended by a newline."""
    numbers = [_is_number_column(table, index) for index in range(len(table.head))]
    lines = [
        f"## {_markdown(table.title)}",
        "",
        _markdown_row([_markdown(name) for name in table.head]),
        _markdown_row(["---:" if is_number else "---" for is_number in numbers]),
        *(_markdown_row([_markdown(cell_text(cell)) for cell in row]) for row in table.rows),
    ]
    return "\n".join(lines) + "\n"


def as_csv(table: Table) -> str:
    """With a head; a cell that a spreadsheet would run begins with an apostrophe."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_harmless(name) for name in table.head])
    writer.writerows([_csv_cell(cell) for cell in row] for row in table.rows)
    return out.getvalue()


def as_html(table: Table) -> str:
    numbers = [_is_number_column(table, index) for index in range(len(table.head))]

    def row(cells: Sequence[str], tag: str) -> str:
        marked = zip(cells, numbers, strict=True)
        inner = "".join(
            f"<{tag}{' class=number' if is_number else ''}>{escaped(cell)}</{tag}>" for cell, is_number in marked
        )
        return f"<tr>{inner}</tr>"

    body = "\n".join(row([cell_text(cell) for cell in cells], "td") for cells in table.rows)
    return f"<h2>{escaped(table.title)}</h2>\n<table>\n{row(table.head, 'th')}\n{body}\n</table>\n"


def cell_text(cell: str | float | None) -> str:
    """Numbers with three digits that count, and none behind the fourth place."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or float(cell).is_integer():
        return f"{cell:.0f}"
    if abs(cell) >= 1000:
        return f"{cell:.0f}"
    return f"{cell:.4f}".rstrip("0").rstrip(".") if abs(cell) < 0.01 else f"{cell:#.3g}".rstrip(".")


def _is_number_column(table: Table, index: int) -> bool:
    cells = [row[index] for row in table.rows]
    return any(isinstance(cell, int | float) for cell in cells) and not any(isinstance(cell, str) for cell in cells)


def _markdown(text: str) -> str:
    return clean_line(text, LONGEST_CELL).translate(_MARKDOWN_ESCAPED)


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _csv_cell(cell: str | float | None) -> str | float | None:
    return _harmless(cell) if isinstance(cell, str) else cell


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
