"""The person's documents: what was added, what was read of it, and what is still to be read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.app.glyphs import Glyphs
from tui.app.screens.documents_shown import Shown
from tui.app.screens.entry import Blank
from tui.app.screens.list_screen import ListScreen, highlight
from tui.app.screens.path_entry import PathEntry, is_there
from tui.app.screens.question import Question
from tui.app.widgets.filter_input import FilterInput
from tui.app.widgets.parts import Parts
from tui.app.widgets.rows import Row
from tui.chat.documents import SUGGESTED_MODEL, Documents, Reading, ReadingState, shown_model
from tui.cleaning import clean_line
from tui.documents.pdf import can_read_pdf
from tui.documents.shelf import Removed
from tui.documents.values import ShelvedDocument
from tui.failures import Failure
from tui.metrics.wording import plural, running_seconds_text, size_text
from tui.theming.values import Theme

LOOK_SECONDS = 0.25
"""Numbers that change more often cannot be read."""
PATH_CELLS = 90
NAME_CELLS = 60
WHY_CELLS = 200
BAR_CELLS = 16
GAP = "\0"
"""Between what was added and a document in it, in the key of a row: no path can have one, though it may have a newline."""


class DocumentsScreen(ListScreen):
    """Enter opens what was added, or reads a document."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("alt+r", "read", show=False, priority=True, id="list.refresh"),
        Binding("alt+a", "add", show=False, priority=True, id="servers.add"),
        Binding("alt+x", "stop", show=False, priority=True, id="pulls.stop"),
        Binding("alt+d", "remove_marked", show=False, priority=True, id="list.delete"),
        Binding("alt+v", "choose_embedding", show=False, priority=True, id="documents.model"),
        Binding("alt+o", "toggle_here", show=False, priority=True, id="documents.here"),
        Binding("alt+p", "pull", show=False, priority=True, id="models.pull"),
        Binding("ctrl+underscore,ctrl+shift+minus,ctrl+slash", "undo", show=False, priority=True, id="list.undo"),
    ]

    def __init__(
        self,
        *,
        theme: Theme,
        glyphs: Glyphs,
        documents: Documents,
        host_name: str,
        is_on: Callable[[], bool],
        turn: Callable[[bool], bool],
        use_embedding: Callable[[str], Awaitable[None]],
        open_document: Callable[[Path], None],
        open_pulls: Callable[[str], None],
        home: Path,
        clock: Callable[[], float],
    ) -> None:
        """``is_on`` and ``turn`` are about the conversation below, which may refuse; ``use_embedding`` keeps a setting."""
        super().__init__(title="Documents", theme=theme, glyphs=glyphs, is_tall=True)
        self._documents = documents
        self._host_name = clean_line(host_name, 30)
        self._is_on = is_on
        self._turn = turn
        self._use_embedding = use_embedding
        self._open_document = open_document
        self._open_pulls = open_pulls
        self._home = home
        self._clock = clock
        self._shown: Shown | None = None
        self._is_looking = False
        self._opened: set[Path] = set()
        self._removed: list[Removed] = []
        self._changing = asyncio.Lock()
        """Keys may come faster than the disk: each waits for what the one before it does."""
        self._said: tuple[str, str] | None = None
        self._was_running = False
        self._agreed = False
        """That loading the embedding model may push others out was said, and agreed to."""

    def on_mount(self) -> None:
        super().on_mount()
        self._look_again()
        self.set_interval(LOOK_SECONDS, self._tick)

    # Looking

    def _look_again(self) -> None:
        self.run_worker(self._look(), group="look", exclusive=True)

    async def _look(self) -> None:
        self._is_looking = True
        try:
            shelf = await self._documents.shelf()
            model, why = None, None
            try:
                model = await self._documents.model()
            except Failure as failure:
                why = failure
            look = await self._documents.look()
            self._shown = Shown(added=shelf.added, documents=shelf.documents, look=look, model=model, why_no_model=why)
        except Failure as failure:
            self._say_failure(failure)
        finally:
            self._is_looking = False
        self.refresh_rows(keep=self.list.marked if self.has_list else "")

    @property
    def is_reading(self) -> bool:
        return self._shown is None and self._said is None

    @property
    def _is_being_read(self) -> bool:
        reading = self._documents.reading
        return reading is not None and reading.is_running

    def _tick(self) -> None:
        is_running = self._is_being_read
        if is_running:
            if self._shown is not None:
                self._shown = self._shown.with_read(self._documents.documents)
            self.refresh_rows(keep=self.list.marked)
        elif self._was_running:
            self._look_again()
        self._was_running = is_running

    # What is shown

    def rows_for(self, typed: str) -> tuple[Row, ...]:
        shown = self._shown
        if shown is None:
            return ()
        self.show_counts(self._counts(shown))
        rows = [*self._reading_rows(shown)]
        if not shown.added:
            return (*rows, *self._beginning(shown))
        words = typed.casefold().split()
        about, to_read = {one.path: one for one in shown.documents}, frozenset(shown.look.to_read)
        for root in shown.added:
            files = shown.files_of(root)
            fitting = [path for path in files if all(word in str(path).casefold() for word in words)]
            if words and not fitting and not all(word in str(root).casefold() for word in words):
                continue
            rows.append(self._root_row(shown, root, files, to_read, typed.strip()))
            if root in self._opened or words:
                rows += [
                    self._file_row(
                        root, path, about.get(path), self._state_of(shown, path, to_read, about.get(path)), typed
                    )
                    for path in fitting
                    if path != root
                ]
        return tuple(rows)

    def _counts(self, shown: Shown) -> str:
        passages = sum(one.passages for one in shown.documents)
        words = ["on in this conversation" if self._is_on() else "off in this conversation"]
        words += [plural(len(shown.documents), "document"), plural(passages, "passage")]
        widths = {one.dimension for one in shown.documents if one.passages}
        if shown.model is not None:
            width = f", {max(widths):,} numbers wide" if len(widths) == 1 else ""
            words.append(f"{clean_line(shown.model.name, 40)}{width}")
        return f" {self.glyphs.separator} ".join(words)

    def _beginning(self, shown: Shown) -> tuple[Row, ...]:
        pdf = ", PDF" if can_read_pdf() else ""
        lines = [
            ("no documents yet", "foreground!"),
            ("", "muted"),
            (f"alt+a adds a file or a folder: text, Markdown, code, HTML{pdf}", "foreground"),
            ("its passages that are nearest to a prompt then go along with it, and the answer names them", "muted"),
            (
                "alt+o turns that on or off in this conversation; what is read goes to the server and nowhere else",
                "muted",
            ),
        ]
        if not can_read_pdf():
            lines.append(("PDF needs the extra documents: pip install 'chinwag[documents]'", "muted"))
        return tuple(Row(key="", left=((f" {words}", role),)) for words, role in lines)

    def _reading_rows(self, shown: Shown) -> tuple[Row, ...]:
        reading = self._documents.reading
        if reading is None or (reading.state is ReadingState.done and not shown.added):
            return ()
        return (Row(key="", left=self._reading_parts(reading)),)

    def _reading_parts(self, reading: Reading) -> Parts:
        dot = self.glyphs.separator
        of = f"{reading.done:,} of {plural(reading.total, 'document')}" if reading.total else "looking at the files"
        if reading.is_running:
            full = BAR_CELLS * reading.done // reading.total if reading.total else 0
            made = plural(self._documents.passages_made, "vector")
            took = running_seconds_text(self._clock() - reading.began_at)
            return (
                (f" {self.glyphs.waiting} reading  ", "accent"),
                (self.glyphs.meter_full * full, "accent"),
                (self.glyphs.meter_empty * (BAR_CELLS - full), "muted"),
                (f"  {of} {dot} {made} {dot} {took}", "foreground"),
            )
        if reading.state is ReadingState.stopped:
            return ((f" {self.glyphs.stopped} stopped", "muted"), (f" {dot} {of} {dot} alt+r goes on", "muted"))
        if reading.failure is not None:
            why = clean_line(_why(reading.failure), WHY_CELLS)
            return (
                (f" {self.glyphs.stopped} ", "error"),
                (why, "error"),
                (f" {dot} {of} {dot} alt+r goes on", "muted"),
            )
        bad = f" {dot} {len(reading.problems)} not read" if reading.problems else ""
        gone = f" {dot} {reading.gone} gone" if reading.gone else ""
        words = f"{plural(reading.read, 'document')} read" if reading.read else "nothing new to read"
        return ((f" {self.glyphs.done} {words}", "success"), (f"{gone}{bad}", "muted"))

    def _root_row(self, shown: Shown, root: Path, files: tuple[Path, ...], to_read: frozenset[Path], typed: str) -> Row:
        read = shown.below(root)
        passages = sum(one.passages for one in read)
        is_file = files in ((root,), ())
        sign = "  " if is_file else f"{self.glyphs.unfolded if root in self._opened else self.glyphs.folded} "
        name = clean_line(self._short(root), PATH_CELLS)
        counts = "" if is_file else f"{plural(len(files), 'document'):>14}  "
        state, role = self._state_of_root(shown, root, files, to_read)
        right: Parts = ((f"{counts}{plural(passages, 'passage'):>15}  ", "muted"),) if self.app.size.width >= 90 else ()
        if not files:
            right = ()
        return Row(
            key=str(root),
            left=((f" {sign}", "muted"), *highlight(name, typed, "foreground")),
            right=(*right, (f"{state:<16} ", role)),
        )

    def _state_of_root(
        self, shown: Shown, root: Path, files: tuple[Path, ...], to_read: frozenset[Path]
    ) -> tuple[str, str]:
        problems = self._problems
        if root in shown.look.unreachable:
            return "not there", "error"
        bad = sum(path in problems for path in files)
        new = sum(path in to_read and path not in problems for path in files)
        if new:
            return f"{new:,} to read", "warning"
        if bad:
            return f"{bad:,} not read", "error"
        if files:
            return "up to date", "success"
        return ("nothing in it" if shown.listed_under(root) is None else "part of another"), "muted"

    def _file_row(
        self, root: Path, path: Path, about: ShelvedDocument | None, said: tuple[str, str], typed: str
    ) -> Row:
        name = clean_line(str(path.relative_to(root)) if path.is_relative_to(root) else str(path), PATH_CELLS)
        size = "" if about is None else f"{plural(about.passages, 'passage'):>15}  "
        state, role = said
        return Row(
            key=f"{root}{GAP}{path}",
            left=(("     ", "muted"), *highlight(name, typed.strip(), "muted")),
            right=((size, "muted"), (f"{state:<16} ", role)),
        )

    def _state_of(
        self, shown: Shown, path: Path, to_read: frozenset[Path], about: ShelvedDocument | None
    ) -> tuple[str, str]:
        if path in self._problems:
            return "not read", "error"
        if path in shown.look.gone:
            return "gone", "warning"
        if path not in to_read:
            return ("no words", "muted") if about is not None and not about.passages else ("read", "success")
        if about is None:
            return "new", "warning"
        is_other = shown.model is not None and not about.model.startswith(shown.model.name)
        return ("other vectors", "warning") if is_other else ("changed", "warning")

    @property
    def _problems(self) -> Mapping[Path, Failure]:
        reading = self._documents.reading
        return {} if reading is None else reading.problems

    def note_for(self, key: str) -> Parts:
        shown = self._shown
        if self._said is not None:
            return (self._said,)
        if shown is None:
            return (("looking at the files …", "muted"),)
        if not key and shown.added:
            return (("no document fits", "muted"),)
        if self._types_path:
            return (("enter adds what is at this path", "muted"),)
        path = self._marked_path(key)
        failure = None if path is None else self._problems.get(path) or shown.look.unreachable.get(path)
        if failure is not None:
            return ((clean_line(_why(failure), WHY_CELLS), "error"),)
        if shown.why_no_model is not None:
            return ((clean_line(_why(shown.why_no_model), WHY_CELLS), "warning"),)
        other = shown.listed_under(path) if key and GAP not in key and path is not None else None
        if other is not None:
            return ((f"what is in it is listed under {clean_line(self._short(other), PATH_CELLS)}", "muted"),)
        about = next((one for one in shown.documents if one.path == path), None)
        if about is not None and about.passages:
            words = clean_line(about.title, NAME_CELLS)
            vectors = (
                f" {self.glyphs.separator} vectors of {shown_model(about.model)}, {about.dimension:,} numbers wide"
            )
            return ((words, "foreground"), (vectors, "muted"))
        if path is None:
            return (("", "muted"),)
        to_read = sum(path in (one, shown.look.roots.get(one)) for one in shown.look.to_read)
        if to_read and not self._is_being_read:
            is_one = to_read == 1
            words = f"{plural(to_read, 'document')} {'is' if is_one else 'are'} new or changed"
            return (
                (words, "foreground"),
                (f" {self.glyphs.separator} alt+r reads {'it' if is_one else 'them'}", "muted"),
            )
        return ((clean_line(self._short(path), PATH_CELLS), "muted"),)

    def keys_line(self) -> tuple[tuple[str, str], ...]:
        is_running = self._is_being_read
        shown, marked = self._shown, self.list.marked
        stop = (("alt+x", "stop"),) if is_running else ()
        pull = (("alt+p", "pull a model"),) if shown is not None and shown.why_no_model is not None else ()
        undo = (("ctrl+_", "undo"),) if self._removed else ()
        entry = (("enter", "add it" if self._types_path else "open"),) if marked or self._types_path else ()
        remove = (("alt+d", "remove"),) if marked and GAP not in marked else ()
        read = (("alt+r", "read"),) if shown is not None and shown.added and not is_running else ()
        here = (("alt+o", "turn off" if self._is_on() else "turn on"),)
        ways = (*stop, *pull, ("alt+a", "add"), *entry, *read, *here, *remove, *undo)
        return (*ways, ("alt+v", "model"), ("esc", "back"))

    def _short(self, path: Path) -> str:
        return (
            f"~/{path.relative_to(self._home)}" if path.is_relative_to(self._home) and path != self._home else str(path)
        )

    @staticmethod
    def _marked_path(key: str) -> Path | None:
        return Path(key.rpartition(GAP)[2]) if key else None

    def _say(self, words: str, role: str = "muted") -> None:
        self._said = (clean_line(words, WHY_CELLS), role)
        if self.has_list:
            self.refresh_note()

    def _say_failure(self, failure: Failure) -> None:
        self._say(_why(failure), "error")

    def action_move(self, steps: int) -> None:
        self._said = None
        super().action_move(steps)
        self.refresh_note()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._said = None
        super().on_input_changed(event)

    # What is done

    @property
    def _types_path(self) -> bool:
        """Where there is nothing to filter, what is typed is what to add."""
        return self._shown is not None and not self._shown.added and bool(self.typed.strip())

    def _use(self) -> None:
        if self.is_current and self._types_path:
            self.run_worker(self._add_typed(), group="change")
        else:
            super()._use()

    async def _add_typed(self) -> None:
        async with self._changing:
            if not self._types_path:
                return
            path = self.typed.strip()
            if await asyncio.to_thread(is_there, path):
                await self._add(Path(path))
            else:
                self._say("there is nothing at this path", "error")

    def choose(self, key: str) -> None:
        root, gap, _ = key.partition(GAP)
        path = self._marked_path(key)
        shown = self._shown
        if path is None or shown is None:
            return
        if gap or shown.files_of(path) == (path,):
            self._open_document(path)
            return
        self._opened ^= {Path(root)}
        self.refresh_rows(keep=key)

    def action_add(self) -> None:
        def entered(values: tuple[str, ...] | None) -> None:
            if values is not None:
                self.run_worker(self._add(Path(values[0])), group="change")

        self.app.push_screen(
            PathEntry(
                title="Add a file or a folder",
                blanks=(Blank(words="path", placeholder="~/notes"),),
                about="text, Markdown, code, HTML, and PDF with the extra documents; what begins with a dot is passed over",
                done_word="add",
                check=_check_path,
                theme=self.theme,
                glyphs=self.glyphs,
            ),
            entered,
        )

    async def _add(self, path: Path) -> None:
        self._said = None
        try:
            real = await self._documents.add(path)
        except Failure as failure:
            self._say_failure(failure)
            return
        if self.has_list and self._types_path:
            self.query_one(FilterInput).clear()
        await self._look()
        self.refresh_rows(keep=str(real))
        await self._read()

    def action_read(self) -> None:
        self._said = None
        self.run_worker(self._read(), group="change")

    async def _read(self) -> None:
        try:
            if not await self._agrees_to_loading():
                self._say("nothing was read", "muted")
                return
            await self._documents.begin_reading()
        except Failure as failure:
            self._say_failure(failure)
        self._was_running = True
        self.refresh_rows(keep=self.list.marked)

    async def _agrees_to_loading(self) -> bool:
        """Raises ``Failure``."""
        words = "" if self._agreed else await self._documents.loading_words()
        if not words:
            return True
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        question = Question(
            title="documents are read by another model",
            lines=(f"{words}.", "Whoever talks with it waits until it is loaded again."),
            answers=(("stay", "not now"), ("read", "read the documents")),
            theme=self.theme,
            glyphs=self.glyphs,
            clock=self._clock,
        )
        self.app.push_screen(question, answer.set_result)
        self._agreed = await answer == "read"
        return self._agreed

    def action_stop(self) -> None:
        if not self._documents.stop_reading():
            self._say("nothing is being read")

    def action_remove_marked(self) -> None:
        key = self.list.marked
        if not key:
            return
        if GAP in key:
            self._say("it is there because of the folder around it; alt+d takes that off the list")
            return
        self.run_worker(self._remove(Path(key)), group="change")

    async def _remove(self, path: Path) -> None:
        async with self._changing:
            if self._shown is None or path not in self._shown.added:
                return
            try:
                self._removed.append(await self._documents.remove(path))
            except Failure as failure:
                self._say_failure(failure)
                return
            await self._look()
        self._say(f"{clean_line(path.name, NAME_CELLS)} is off the list; the files stay where they are")

    def action_undo(self) -> None:
        self.run_worker(self._put_back(), group="change")

    async def _put_back(self) -> None:
        async with self._changing:
            if not self._removed:
                return
            removed = self._removed.pop()
            try:
                await self._documents.put_back(removed)
            except Failure as failure:
                self._say_failure(failure)
                return
            await self._look()
        self._say(f"{clean_line(removed.path.name, NAME_CELLS)} is back")
        self.refresh_rows(keep=str(removed.path))

    def action_toggle_here(self) -> None:
        wanted = not self._is_on()
        if self._turn(wanted):
            self._say(
                f"documents are {'on' if wanted else 'off'} in this conversation", "success" if wanted else "muted"
            )
            self.refresh_rows(keep=self.list.marked)
        else:
            self._say("this conversation cannot be changed here", "warning")

    def action_pull(self) -> None:
        self._open_pulls(SUGGESTED_MODEL)

    def on_screen_resume(self) -> None:
        """A model may have come meanwhile."""
        if self._shown is not None:
            self._look_again()

    # The model

    def action_choose_embedding(self) -> None:
        self.run_worker(self._choose_embedding(), group="change")

    async def _choose_embedding(self) -> None:
        from tui.app.screens.choices import Choice, Choices

        try:
            models = await self._documents.models()
        except Failure as failure:
            self._say_failure(failure)
            return
        current = "" if self._shown is None or self._shown.model is None else self._shown.model.name
        choices = [
            Choice(
                key=one.name,
                name=one.name,
                right="" if one.size_bytes is None else size_text(one.size_bytes),
                note="the one in use" if one.name == current else "what was read is read again by it",
            )
            for one in models
        ]

        def chosen(name: str | None) -> None:
            if name:
                self.run_worker(self._take_embedding(name), group="change")

        self.app.push_screen(
            Choices(
                title=f"Models of {self._host_name} that make vectors",
                choices=choices,
                current=current,
                nothing=f"none; /pull {SUGGESTED_MODEL} brings one",
                theme=self.theme,
                glyphs=self.glyphs,
            ),
            chosen,
        )

    async def _take_embedding(self, name: str) -> None:
        try:
            await self._use_embedding(name)
        except Failure as failure:
            self._say_failure(failure)
            return
        self._agreed = False
        await self._look()
        to_read = 0 if self._shown is None else len(self._shown.look.to_read)
        more = f", alt+r reads {plural(to_read, 'document')} with it" if to_read else ""
        self._say(f"vectors are made by {name}{more}", "success")


def _check_path(values: tuple[str, ...]) -> None:
    if not values[0]:
        raise Failure("nothing was written", "write the path of a file or a folder")
    if not is_there(values[0]):
        raise Failure("there is nothing at this path", "tab completes what is there")


def _why(failure: Failure) -> str:
    return " · ".join(part for part in (failure.title, failure.message, failure.advice) if part)
