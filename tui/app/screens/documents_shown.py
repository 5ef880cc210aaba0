"""The shelf as the list of documents shows it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from tui.documents.shelf import ShelfLook
from tui.documents.values import ShelvedDocument
from tui.engine import Model
from tui.failures import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The shelf as it was looked at."""

    added: tuple[Path, ...] = ()
    documents: tuple[ShelvedDocument, ...] = ()
    look: ShelfLook = field(default_factory=lambda: ShelfLook(to_read=(), gone=(), unreachable={}, roots={}))
    model: Model | None = None
    why_no_model: Failure | None = None

    def with_read(self, documents: tuple[ShelvedDocument, ...]) -> Shown:
        """In the middle of a reading: what is another than it was needs to be read no more."""
        done = {one.path for one in set(documents).difference(self.documents)}
        to_read = tuple(path for path in self.look.to_read if path not in done)
        return replace(self, documents=documents, look=replace(self.look, to_read=to_read))

    def below(self, root: Path) -> tuple[ShelvedDocument, ...]:
        return tuple(one for one in self.documents if one.root == root)

    def files_of(self, root: Path) -> tuple[Path, ...]:
        """What was read of it, and what is to be read."""
        read = {one.path for one in self.below(root)}
        new = [path for path in self.look.to_read if self.look.roots.get(path) == root and path not in read]
        return tuple(sorted([*read, *new]))

    def listed_under(self, root: Path) -> Path | None:
        """What else was added and has the documents of ``root``, which none of its own are left to."""
        others = (other for path, other in self.look.roots.items() if path.is_relative_to(root) and other != root)
        return None if self.files_of(root) else next(others, None)
