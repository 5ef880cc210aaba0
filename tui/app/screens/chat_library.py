"""The person's own prompts, called by ``/name``: they come into the prompt, to be read and sent."""

from __future__ import annotations

import asyncio

from tui.app.commands.completing import Completion
from tui.app.commands.declared import by_slash
from tui.app.screens.chat_request import ChatRequests
from tui.settings.prompt_library import NO_PROMPTS, LibraryPrompt, PromptLibrary, load_prompts

REST = "input"
"""The field that what stands behind the name goes into, where a prompt has more than one."""


class ChatLibrary(ChatRequests):
    """A built-in command wins over a prompt of the same name."""

    _library: PromptLibrary = NO_PROMPTS

    async def begin(self) -> None:
        await super().begin()
        self.in_background(self._read_library_first())

    async def _read_library_first(self) -> None:
        await self._read_library()
        self._sayings.say_each(self._library.faults)

    async def _read_library(self) -> None:
        self._library = await asyncio.to_thread(load_prompts, self._workspace.places.prompts)

    def completions_for(self, text: str) -> tuple[Completion, ...]:
        found = super().completions_for(text)
        if not text.startswith("/") or any(letter.isspace() for letter in text):
            return found
        typed, commands = text[1:].casefold(), by_slash()
        own = (
            Completion(name=f"/{one.name}", words=one.about, text=f"/{one.name} ")
            for one in self._library.prompts.values()
            if one.name.startswith(typed) and one.name not in commands
        )
        return (*found, *own)

    def use_own_prompt(self, text: str) -> bool:
        name, _, rest = text[1:].partition(" ")
        prompt = self._library.prompts.get(name) if text.startswith("/") and "\n" not in name else None
        if prompt is None:
            return False
        self.in_background(self._fill(prompt, rest.strip()))
        return True

    async def action_choose_prompt(self, name: str = "") -> None:
        """From the files as they are at this moment."""
        await self._read_library()
        prompts, folder = self._library.prompts, self._workspace.places.prompts
        if name in prompts:
            await self._fill(prompts[name], "")
            return

        from tui.app.screens.choices import Choice, Choices

        def chosen(key: str | None) -> None:
            if key:
                self.in_background(self._fill(prompts[key], ""))

        choices = [
            Choice(key=one.name, name=f"/{one.name}", more=one.about, right=", ".join(one.fields), note=one.text)
            for one in prompts.values()
        ]
        self.app.push_screen(
            Choices(
                title="Prompts",
                choices=choices,
                faults=self._library.faults,
                nothing=f"write one into {folder}/NAME.md, with fields such as {{{{language}}}}",
                theme=self._theme,
                glyphs=self._glyphs,
            ),
            chosen,
        )

    async def _fill(self, prompt: LibraryPrompt, rest: str) -> None:
        """Asks for what is not given yet. What comes out stands in the prompt and is not sent by itself."""
        values: dict[str, str] = {}
        fields = prompt.fields
        if rest and (REST in fields or len(fields) == 1):
            values[REST if REST in fields else fields[0]] = rest
        elif rest:
            prompt = LibraryPrompt(name=prompt.name, text=f"{prompt.text}\n\n{rest}", about=prompt.about)
        # A field that what was typed would bring along is none.
        open_fields = tuple(one for one in fields if one not in values)
        if not open_fields:
            self._put(prompt.filled(values))
            return

        from tui.app.screens.entry import Blank, EntryScreen

        def entered(found: tuple[str, ...] | None) -> None:
            if found is not None:
                self._put(prompt.filled(values | dict(zip(open_fields, found, strict=True))))

        self.app.push_screen(
            EntryScreen(
                title=f"/{prompt.name}",
                blanks=tuple(Blank(words=one.replace("_", " ")) for one in open_fields),
                about=prompt.about,
                done_word="into the prompt",
                check=lambda _values: None,
                theme=self._theme,
                glyphs=self._glyphs,
            ),
            entered,
        )

    def _put(self, text: str) -> None:
        """It is nobody's typing: what looks like a command in it is none."""
        self.prompt.load(text, is_restored=True)
        self._keep_draft(self._session)
        self.show_status()
