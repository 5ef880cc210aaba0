"""What stands on the shelf beside what is on the disk, and what was taken off it and comes back."""

from __future__ import annotations

from pathlib import Path

from tests.documents.rig import WordModel, shelf_of, updated
from tui.documents.shelf import Shelf


async def test_a_look_tells_new_changed_and_gone(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    for name in ("same", "changed", "gone"):
        (notes / f"{name}.md").write_text(f"{name} words\n")
    shelf = await shelf_of(tmp_path / "shelf", notes, embed=WordModel())
    look = await shelf.look(model="words")
    assert (look.to_read, look.gone, look.unreachable) == ((), (), {})
    (notes / "changed.md").write_text("other words altogether\n")
    (notes / "gone.md").unlink()
    (notes / "new.md").write_text("new words\n")
    look = await shelf.look(model="words")
    assert [path.name for path in look.to_read] == ["changed.md", "new.md"]
    assert [path.name for path in look.gone] == ["gone.md"]
    assert set(look.roots.values()) == {notes}


async def test_another_model_means_reading_again_and_no_model_compares_files_alone(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("some words\n")
    shelf = await shelf_of(tmp_path / "shelf", tmp_path / "a.md", embed=WordModel())
    assert len((await shelf.look(model="others")).to_read) == 1
    assert (await shelf.look(model=None)).to_read == ()


async def test_what_cannot_be_reached_is_told_and_kept(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "a.md").write_text("some words\n")
    shelf = await shelf_of(tmp_path / "shelf", notes, embed=WordModel())
    notes.rename(tmp_path / "elsewhere")
    look = await shelf.look(model="words")
    assert list(look.unreachable) == [notes]
    assert look.gone == ()


async def test_what_was_removed_comes_back_without_being_embedded_again(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("some words\n")
    model = WordModel()
    shelf = await shelf_of(tmp_path / "shelf", tmp_path / "a.md", embed=model)
    asked = len(model.asked)
    removed = await shelf.remove(tmp_path / "a.md")
    assert shelf.documents == ()
    assert shelf.added == ()
    await shelf.put_back(removed)
    assert await updated(shelf, model) == {"a.md": "unchanged"}
    assert len(model.asked) == asked
    again = Shelf(tmp_path / "shelf")
    await again.open()
    assert [one.path.name for one in again.documents] == ["a.md"]


async def test_what_is_put_back_stands_where_it_stood(tmp_path: Path) -> None:
    names = ("a.md", "b.md", "c.md", "d.md")
    for name in names:
        (tmp_path / name).write_text(f"# {name}\n")
    shelf = await shelf_of(tmp_path / "shelf", *(tmp_path / name for name in names), embed=WordModel())
    before = shelf.added
    first, second = [await shelf.remove(tmp_path / name) for name in ("a.md", "b.md")]
    await shelf.put_back(first)
    assert [one.name for one in shelf.added] == ["a.md", "c.md", "d.md"]
    await shelf.put_back(second)
    assert shelf.added == before
    last = await shelf.remove(tmp_path / "d.md")
    (tmp_path / "e.md").write_text("# e\n")
    _ = await shelf.add(tmp_path / "e.md")
    await shelf.put_back(last)
    again = Shelf(tmp_path / "shelf")
    await again.open()
    assert [one.name for one in again.added] == ["a.md", "b.md", "c.md", "e.md", "d.md"]


async def test_what_was_kept_of_some_lines_is_given_back(tmp_path: Path) -> None:
    text = "\n\n".join(f"# Part {number}\n\n{'word ' * 100}" for number in range(4))
    (tmp_path / "a.md").write_text(text)
    shelf = await shelf_of(tmp_path / "shelf", tmp_path / "a.md", embed=WordModel())
    kept = shelf.kept_lines(tmp_path / "a.md", 5, 6)
    assert [first for first, _ in kept] == [5]
    assert kept[0][1].startswith("# Part 1")
    assert shelf.kept_lines(tmp_path / "b.md", 1, 9) == ()
