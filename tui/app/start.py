"""Opens the workspace and runs the app: everything that takes time to import is imported by now."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Protocol

from tui.app.app import ChinwagApp
from tui.app.crash import say_crash
from tui.app.leaving import say_end_by_signal
from tui.app.terminal.first_frame import FirstFrame
from tui.app.terminal.forking import WaitingParent
from tui.app.terminal_traits import (
    FILE_NAME,
    TerminalTraits,
    guessed_traits,
    remembered_traits,
    terminal_name,
    with_known_colours,
)
from tui.chat.closing import end_process
from tui.cleaning import clean_line
from tui.environment import Environment
from tui.failures import Failure
from tui.workspace import StartOptions, Workspace


class Arguments(Protocol):
    """What the command line said, as far as the screen needs it."""

    @property
    def host(self) -> str | None: ...
    @property
    def model(self) -> str | None: ...
    @property
    def demo(self) -> bool: ...
    @property
    def private(self) -> bool: ...
    @property
    def settings(self) -> Mapping[str, str]: ...


def run_app(arguments: Arguments, *, environment: Environment, first_frame: FirstFrame, parent: WaitingParent) -> int:
    """The exit code: 0 at a normal end, 2 when something stood in the way of the start, 1 after a crash."""
    options = StartOptions(
        host=arguments.host,
        model=arguments.model,
        is_demo=arguments.demo,
        is_private=arguments.private,
        settings=arguments.settings,
    )
    failure: Failure | None = None
    code = 2
    try:
        workspace = Workspace.prepare(options)
    except Failure as error:
        failure = error
    else:
        traits = _traits(workspace)
        environment = _with_colours(environment, traits)
        app = ChinwagApp(workspace, environment=environment, prepare=Workspace.prepare, traits=traits, parent=parent)
        first_frame.taken_over()
        try:
            result = app.run(mouse=workspace.loaded.settings.terminal.mouse)
        finally:
            if not app.has_drawn:
                first_frame.given_back()
                first_frame.undo()
        failure = app.start_failure
        if app.crash is not None:
            say_crash(app.crash, os.environ)
        if app.farewell:
            sys.stderr.write(f"chinwag: {clean_line(app.farewell, 400)}\n")
        code = (app.return_code or 0) if result is None else result
        say_end_by_signal(code, app.workspace)
    if failure is not None:
        first_frame.undo()
        sys.stderr.write(f"chinwag: {clean_line(str(failure), 400)}\n")
        code = 2
    return end_process(code)


def _traits(workspace: Workspace) -> TerminalTraits:
    """What the terminal said in an earlier start, else what its variables say."""
    remembered = remembered_traits(workspace.places.state / FILE_NAME, terminal_name(os.environ))
    return guessed_traits(os.environ) if remembered == TerminalTraits() else remembered


def _with_colours(environment: Environment, traits: TerminalTraits) -> Environment:
    known = with_known_colours(environment, traits)
    if known.colour is not environment.colour:
        # The terminal library asks this variable alone; an editor that is called from here may know it, too.
        os.environ["COLORTERM"] = "truecolor"
    return known
