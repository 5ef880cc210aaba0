"""Many prompts from a file: JSON Lines, CSV or plain lines, with a template over their columns."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tui.atomic import read_bounded
from tui.failures import Failure

LARGEST_FILE_BYTES = 256_000_000
PROMPT = "prompt"
_FIELD = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRow:
    """One line of the file: its columns, the prompt itself under ``prompt``."""

    line: int
    """In the file, from 1: what a person looks for when it is wrong."""
    columns: Mapping[str, str] = field(default_factory=dict)


def read_prompts(path: Path) -> tuple[PromptRow, ...]:
    """The rows of a ``.jsonl``, ``.csv`` or ``.txt`` file. Empty lines are no rows.

    Raises ``Failure`` with the line that cannot be read, or when there is none.
    """
    return rows_of(read_bounded(path, LARGEST_FILE_BYTES, follow_links=True), name=path.name)


def rows_of(data: bytes, *, name: str) -> tuple[PromptRow, ...]:
    """As ``read_prompts``, for what was read already; ``name`` decides by its ending, and is what errors call it."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failure(f"cannot read {name}", f"byte {error.start} is not UTF-8", "save it as UTF-8") from None
    ending = name.rpartition(".")[2].lower()
    if ending in ("jsonl", "ndjson"):
        rows = tuple(_json_rows(text, name))
    elif ending == "csv":
        rows = tuple(_csv_rows(text, name))
    else:
        lines = enumerate(text.replace("\r\n", "\n").split("\n"), 1)
        rows = tuple(PromptRow(line=number, columns={PROMPT: line}) for number, line in lines if line.strip())
    if not rows:
        raise Failure(f"there is nothing to ask in {name}", "it has no prompt", "write one in each line")
    return rows


def fill(template: str, row: PromptRow, *, name: str) -> str:
    """``template`` with each ``{{column}}`` replaced by what the row has there. What a column holds is not a template.

    Raises ``Failure`` for a column that the row does not have.
    """

    def value(found: re.Match[str]) -> str:
        column = found[1]
        if column not in row.columns:
            have = ", ".join(sorted(row.columns)) or "none"
            raise Failure(
                f"{name}, line {row.line}: there is no column {column}", f"its columns are {have}", "mend the template"
            )
        return row.columns[column]

    return _FIELD.sub(value, template)


def _json_rows(text: str, name: str) -> Iterable[PromptRow]:
    # Only a newline ends a line: U+2028 may stand inside a string.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Failure(f"{name}, line {number}: not JSON", str(error), "one JSON value in each line") from None
        if isinstance(value, str):
            yield PromptRow(line=number, columns={PROMPT: value})
        elif isinstance(value, dict):
            yield PromptRow(line=number, columns={key: _as_text(one) for key, one in value.items()})
        else:
            raise Failure(
                f"{name}, line {number}: neither a text nor an object", "", 'write "text" or {"prompt": "text"}'
            )


def _csv_rows(text: str, name: str) -> Iterable[PromptRow]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            # The key under which csv puts what has no column.
            if row.get(None):
                raise Failure(
                    f"{name}, line {reader.line_num}: more values than columns", "", "quote the values with commas"
                )
            columns = {key: value or "" for key, value in row.items() if key is not None}
            if any(value.strip() for value in columns.values()):
                yield PromptRow(line=reader.line_num, columns=columns)
    except csv.Error as error:
        # A line counts when it was read to its end.
        line = reader.line_num + 1
        raise Failure(f"{name}, line {line}: not CSV", str(error), "quote the values with commas") from None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
