"""What may stand behind a ``/command``: models, themes, servers, words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tui.app.commands.command import Command
from tui.app.screens.chat_prompt import ChatPrompt
from tui.app.widgets.completions import Completions
from tui.engine import Model
from tui.metrics.wording import size_text
from tui.theming.read import AUTO, kind_of


class ChatCompletion(ChatPrompt):
    """Only what is known already: nobody waits for a server while typing."""

    async def begin(self) -> None:
        await super().begin()
        self.prompt.share_keys(step=self._step_completions, enter=self._enter_takes_completion)

    def _step_completions(self, steps: int) -> bool:
        completions = self.query_one(Completions)
        if not completions.is_open:
            return False
        self.show_completions()
        completions.move(steps)
        return True

    def _enter_takes_completion(self) -> bool:
        """Only what was chosen: else what is typed is a command already, or a prompt."""
        completions = self.query_one(Completions)
        if not completions.is_open or not completions.is_chosen:
            return False
        return self.take_completion()

    def take_completion(self) -> bool:
        """The marked one into the prompt; False where there is none."""
        self.show_completions()
        completion = self.query_one(Completions).marked
        if completion is None:
            return False
        self.prompt.load(completion.text)
        self.show_completions()
        return True

    def choices_for(self, command: Command) -> Iterable[tuple[str, str]]:
        match command.action:
            case "choose_model":
                return self._model_choices()
            case "choose_theme":
                return self._theme_choices()
            case "connect":
                return self._host_choices()
            case "copy":
                return (("answer", "the last answer"), ("code 1", "a block of code"), ("all", "the conversation"))
        return super().choices_for(command)

    def _model_choices(self) -> Iterator[tuple[str, str]]:
        """Those that can chat, as the server orders them."""
        for model in self._workspace.catalog.models or ():
            if model.capabilities is None or "completion" in model.capabilities:
                yield model.name, self._about_model(model)

    def _about_model(self, model: Model) -> str:
        if model.is_cloud:
            return "cloud"
        words = [model.parameter_size, "" if model.size_bytes is None else size_text(model.size_bytes)]
        words.append("loaded" if self._workspace.running_model(model.name) is not None else "")
        return f" {self._glyphs.separator} ".join(word for word in words if word)

    def _theme_choices(self) -> Iterator[tuple[str, str]]:
        yield AUTO, "dark or light, as the terminal is"
        for name, theme in self._workspace.themes.themes.items():
            yield name, kind_of(theme)

    def _host_choices(self) -> Iterator[tuple[str, str]]:
        """Those with a name by their name, then every other that answered before."""
        workspace = self._workspace
        here = workspace.host.url
        named = {one.host.url: one for one in workspace.servers.book.hosts}
        for url, one in named.items():
            yield one.name, "this one" if url == here else url
        for url in workspace.usage.known_hosts():
            if url not in named:
                yield url, "this one" if url == here else "was there before"
