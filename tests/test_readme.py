from __future__ import annotations

import re

import pytest

from tests.readme_tables import README, tables, with_tables

TEXT = README.read_text("utf-8")


@pytest.mark.parametrize("name", sorted(tables()))
def test_readme_says_what_the_code_does(name: str) -> None:
    found = re.search(rf"<!-- table: {name} -->\n(.*?)\n<!-- end -->", TEXT, re.DOTALL)
    assert found is not None, f"README.md has no table {name}"
    assert found[1] == tables()[name], "python -m tests.readme_tables writes the tables anew"


def test_a_table_that_differs_from_the_code_is_noticed() -> None:
    damaged = TEXT.replace("| `ctrl+t` |", "| `ctrl+y` |")
    assert damaged != TEXT
    assert with_tables(damaged) == with_tables(TEXT)


def test_every_picture_and_file_that_readme_names_is_there() -> None:
    named = re.findall(r"\]\((?!https?:|#)([^)]+)\)", TEXT) + re.findall(r'(?:src|srcset)="(?!https?:)([^"]+)"', TEXT)
    assert named
    assert [name for name in named if not (README.parent / name).exists()] == []


def test_readme_shows_the_two_commands() -> None:
    makefile = (README.parent / "Makefile").read_text("utf-8")
    for target in ("run", "test"):
        assert f"make {target}" in TEXT
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
