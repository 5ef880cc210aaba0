"""The keys of whatever lies on top of the conversation: lists, the way to a server, answers side by side."""

from __future__ import annotations

from tui.app.commands.command import Command, Where

KEYS_ON_TOP: tuple[Command, ...] = (
    Command(name="list.use", words="use what is marked", keys=("enter",), where=Where.lists),
    Command(
        name="list.refresh",
        words="read again: the models, the documents",
        keys=("alt+r",),
        bound=("alt+r",),
        where=Where.lists,
    ),
    Command(
        name="models.details",
        words="everything about the marked model, and what can be done with it",
        keys=("tab",),
        bound=("tab",),
        where=Where.lists,
    ),
    Command(name="models.pull", words="pull a model by its name", keys=("alt+p",), bound=("alt+p",), where=Where.lists),
    Command(
        name="models.sort", words="sort the models otherwise", keys=("alt+s",), bound=("alt+s",), where=Where.lists
    ),
    Command(
        name="models.unload", words="unload the marked model", keys=("alt+u",), bound=("alt+u",), where=Where.lists
    ),
    Command(
        name="pulls.stop",
        words="stop the marked pull, or the reading of documents",
        keys=("alt+x",),
        bound=("alt+x",),
        where=Where.lists,
    ),
    Command(
        name="servers.add", words="add one: a server, a document", keys=("alt+a",), bound=("alt+a",), where=Where.lists
    ),
    Command(
        name="servers.change", words="change the marked server", keys=("alt+e",), bound=("alt+e",), where=Where.lists
    ),
    Command(
        name="documents.model",
        words="which model makes vectors of the documents",
        keys=("alt+v",),
        bound=("alt+v",),
        where=Where.lists,
    ),
    Command(
        name="documents.here",
        words="whether passages of the documents go along in this conversation",
        keys=("alt+o",),
        bound=("alt+o",),
        where=Where.lists,
    ),
    Command(
        name="list.rename",
        words="another name for what is marked",
        keys=("alt+n",),
        bound=("alt+n",),
        where=Where.lists,
    ),
    Command(
        name="list.pin",
        words="pin the marked conversation to the top, or unpin it",
        keys=("alt+p",),
        bound=("alt+p",),
        where=Where.lists,
    ),
    Command(
        name="list.copy",
        words="copy the marked conversation as Markdown",
        keys=("alt+c",),
        bound=("alt+c",),
        where=Where.lists,
    ),
    Command(name="list.delete", words="delete what is marked", keys=("alt+d",), bound=("alt+d",), where=Where.lists),
    Command(
        name="list.undo",
        words="bring back what was deleted last",
        keys=("ctrl+_",),
        bound=("ctrl+underscore", "ctrl+shift+minus", "ctrl+slash"),
        where=Where.lists,
    ),
    Command(
        name="presets.keep",
        words="keep how the conversation answers as a preset",
        keys=("alt+a",),
        bound=("alt+a",),
        where=Where.lists,
    ),
    Command(
        name="presets.export",
        words="write the marked preset to a file",
        keys=("alt+e",),
        bound=("alt+e",),
        where=Where.lists,
    ),
    Command(
        name="presets.import", words="take a preset from a file", keys=("alt+p",), bound=("alt+p",), where=Where.lists
    ),
    Command(
        name="statistics.period",
        words="other days for the sums of the statistics",
        keys=("tab",),
        bound=("tab",),
        where=Where.lists,
    ),
    Command(
        name="tools.rule",
        words="let a harmless tool run without asking, or ask again",
        keys=("alt+w",),
        bound=("alt+w",),
        where=Where.lists,
    ),
    Command(
        name="tools.only",
        words="offer only the marked tool, or all that are on",
        keys=("alt+o",),
        bound=("alt+o",),
        where=Where.lists,
    ),
    Command(name="list.back", words="back to the conversation", keys=("escape",), where=Where.lists),
    Command(name="connect.demo", words="take a look with the demo", keys=("d",), where=Where.connect),
    Command(name="connect.address", words="another address", keys=("a",), where=Where.connect),
    Command(name="connect.retry", words="try again now", keys=("r",), where=Where.connect),
    Command(name="compare.keep", words="keep the marked answer", keys=("enter",), where=Where.compare),
    Command(name="compare.mark", words="mark the next answer, or that one", keys=("tab", "1–4"), where=Where.compare),
    Command(name="compare.again", words="ask once more", keys=("r",), where=Where.compare),
    Command(name="compare.pull", words="pull the model that is missing", keys=("p",), where=Where.compare),
    Command(name="compare.stop", words="stop what runs, then close", keys=("escape",), where=Where.compare),
)
