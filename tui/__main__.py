"""The command ``chinwag``: reads its flags, draws a first frame at once, and opens the screen."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Gives the exit code: 0 at a normal end, 2 for a command line or a terminal that cannot be used."""
    from tui.cli.arguments import read_arguments, wants_plain

    argv = sys.argv[1:] if argv is None else argv
    if argv and not argv[0].startswith("-"):
        import signal

        # Ctrl+C while the rest is imported ends the process as it ends any other, without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        from tui.kept_code import KEPT

        KEPT.use()
        from tui.cli.running import run_subcommand

        return run_subcommand(argv, os.environ)

    arguments = read_arguments(argv)

    if wants_plain(arguments, os.environ):
        from tui.cli.plain import run_plainly

        return run_plainly(arguments)

    from tui.app.terminal.first_frame import FirstFrame

    with FirstFrame(term=os.environ.get("TERM", "")) as frame:
        from tui.kept_code import KEPT

        KEPT.use()
        from tui.environment import problem_at_start, read_environment

        environment = read_environment(os.environ, platform=sys.platform)
        problem = problem_at_start(
            environment,
            stdin_is_terminal=os.isatty(0),
            stdout_is_terminal=os.isatty(1),
            stderr_is_terminal=os.isatty(2),
        )
        if problem is not None:
            frame.undo()
            print(f"chinwag: {problem}", file=sys.stderr)
            return 2

        from tui.settings.plain import settings_say_plain

        # Not asked before the first frame, for which everybody else would wait.
        if settings_say_plain(os.environ):
            frame.undo()
            from tui.cli.plain import run_plainly

            return run_plainly(arguments)

        from tui.app.terminal.forking import fork_app

        parent = fork_app(os.environ)
        if isinstance(parent, int):
            frame.taken_over()
            return parent

        import gc

        # Everything that the start makes stays; looking for garbage among it only takes time.
        gc.disable()
        try:
            from tui.app.start import run_app

            return run_app(arguments, environment=environment, first_frame=frame, parent=parent)
        except MemoryError:
            from tui.app.terminal.forking import end_without_memory

            return end_without_memory(parent)
        except Exception as error:  # noqa: BLE001  without the values of variables, which Python would not print either
            from tui.app.crash import tell_crash_of_start

            frame.undo()
            return tell_crash_of_start(error, os.environ, keeps_report=not arguments.private)


if __name__ == "__main__":
    sys.exit(main())
