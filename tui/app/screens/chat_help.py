"""What helps a person on: every command, the keys that work at this moment, and what was said before."""

from __future__ import annotations

from tui.app.commands.command import Command, Where
from tui.app.eaten_keys import eaten_keys, read_surroundings
from tui.app.screens.chat_attention import ChatAttention
from tui.app.widgets.copy_line import CopyLine
from tui.app.widgets.find_bar import FindBar
from tui.app.widgets.history_bar import HistoryBar
from tui.app.widgets.message_line import MessageLine
from tui.conversations.values import Role

RECENT_COMMANDS = 8


class ChatHelp(ChatAttention):
    """Knows of each command why it cannot be done at this moment."""

    _recent: tuple[str, ...] = ()
    """Names of the commands that were chosen from the palette, the last one first."""

    def action_open_palette(self) -> None:
        from tui.app.screens.palette import Palette

        def chosen(name: str | None) -> None:
            command = next((one for one in self._keymap.commands if one.name == name), None)
            if command is None:
                return
            others = (one for one in self._recent if one != command.name)
            self._recent = (command.name, *others)[:RECENT_COMMANDS]
            if command.argument and not command.argument.startswith("["):
                self._begin_command(f"/{command.slash[0]} ")
            else:
                self.in_background(self.do_command(command.action))

        palette = Palette(
            theme=self._theme,
            glyphs=self._glyphs,
            commands=self._keymap.commands,
            recent=self._recent,
            why_not=self.why_not,
        )
        self.app.push_screen(palette, chosen)

    def action_open_keys(self) -> None:
        """On top of whatever is there: the keys of that are told."""
        from tui.app.screens.keys_help import KeysHelp, help_sections

        top = self.app.screen
        if isinstance(top, KeysHelp):
            top.dismiss(None)
            return
        workspace = self._workspace
        surroundings = read_surroundings(workspace.environ)
        sections = help_sections(
            top,
            is_chat=top is self,
            bar=self._bar_with_keys(),
            commands=self._keymap.commands,
            why_not=self.why_not,
            eaten=eaten_keys(surroundings, self._keymap.commands),
            places=workspace.places,
            is_throwaway=workspace.is_throwaway,
        )
        self.copy_line.stay_open()
        self.app.push_screen(KeysHelp(sections, theme=self._theme, glyphs=self._glyphs))

    def _bar_with_keys(self) -> FindBar | CopyLine | HistoryBar | MessageLine | None:
        """The line over the transcript that takes the keys, if one does."""
        if self.copy_line.is_open:
            return self.copy_line
        return self.find_bar if self.find_bar.is_open and self.find_bar.has_focus_within else None

    def action_show_said(self) -> None:
        from tui.app.screens.said import Said

        screen = Said(theme=self._theme, glyphs=self._glyphs, sayings=self._sayings.log, copy=self.copy)
        self.app.push_screen(screen)

    def why_not(self, command: Command) -> str:
        """Why the command would do nothing at this moment; empty when it would do something."""
        session, workspace = self._session, self._workspace
        has_answer = any(one.role is Role.assistant for one in session.conversation.messages)
        if session.is_read_only and command.name in ("model.choose", "conversation.rename", "conversation.delete"):
            return "open in another chinwag"
        reasons = {
            "answer.stop": "" if session.is_answering else "no answer is under way",
            "answer.again": "" if session.can_try_again() else "nothing failed",
            "answer.thinking": "" if any(one.thinking for one in session.conversation.messages) else "no thinking here",
            "answer.details": "" if has_answer else "no answer yet",
            "answer.links": "" if has_answer else "no answer yet",
            "conversation.delete": "nothing was said yet" if session.is_empty else "",
            "conversation.new": "" if not session.is_empty or workspace.is_private(session) else "this one is new",
            "conversation.private": "this one is private"
            if workspace.is_private(session) or workspace.is_throwaway
            else "",
            "find": "nothing was said yet" if session.is_empty else "",
            "said": "" if self._sayings.log else "nothing was said yet",
            "server.demo": "this is the demo" if workspace.is_demo else "",
            "prompt.open_paste": "" if self.prompt.has_paste else "no folded paste in the prompt",
        }
        if command.where not in (Where.chat, Where.prompt):
            return ""
        return reasons.get(command.name, "")
