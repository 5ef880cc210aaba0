"""How the model answers in this conversation: presets, options, the system prompt, thinking, and the answer's form."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tui.app.commands.command import Command
from tui.app.screens.chat_models import NAME_CELLS, NEWS_SECONDS
from tui.app.screens.chat_window import ChatWindow
from tui.app.widgets.parts import Parts
from tui.atomic import read_bounded
from tui.chat.answer_format import Verdict, check_answer
from tui.chat.events import AnswerEnded, SessionEvent
from tui.cleaning import clean, clean_line
from tui.conversations.control import Control
from tui.conversations.values import Message, MessageState
from tui.failures import Failure
from tui.settings.form import value_text
from tui.settings.layers import Answering
from tui.settings.layers import Choice as Layered
from tui.settings.options import OPTIONS, find_option
from tui.settings.presets import Preset, check_preset_name, preset_words, schema_text
from tui.settings.schema import Setting, Value, parse_value, write_value
from tui.theming.nearest import nearest

if TYPE_CHECKING:
    from tui.app.screens.choices import Choice

SCHEMA_LIMIT_BYTES = 256 * 1024
SYSTEM_CELLS = 80
THINKING = ("on", "off", "low", "medium", "high", "auto")
OFF = ("off", "none", "unset", "-")
FOR_MODEL = "model "
"""Before an option's name: it is for the model, and not only for this conversation."""
_COMES_FROM = {
    "flag": "the command line",
    "conversation": "this conversation",
    "environment": "the environment",
    "settings": "settings",
}


class ChatSteering(ChatWindow):
    """What holds in a conversation is its own; where each value comes from is shown."""

    async def begin(self) -> None:
        await super().begin()
        self._sayings.say_each(self._workspace.steering.faults)

    @property
    def _answering(self) -> Answering:
        conversation = self._session.conversation
        return self._workspace.steering.answering(conversation.control, conversation.model)

    def _header_notes(self) -> Parts:
        holds, dot = self._answering, self._glyphs.separator
        control = self._session.conversation.control
        preset = control.preset if self._workspace.steering.preset_of(control) is not None else ""
        words = [clean_line(preset, 24), "json" if holds.format.value else ""]
        return tuple((f" {dot} {one}", "muted") for one in words if one)

    def _may_steer(self) -> bool:
        if self._session.is_read_only:
            self.reply("this conversation is open in another chinwag", role="warning", more="/takeover asks for it")
        return not self._session.is_read_only

    def _use_control(self, control: Control) -> None:
        """What was counted with another system prompt says nothing about the next request."""
        session = self._session
        before = self._workspace.steering.answering(session.conversation.control, session.conversation.model).system
        after = self._workspace.steering.answering(control, session.conversation.model).system
        messages = session.conversation.messages
        if before.value != after.value and messages:
            control = replace(control, left_out_at=messages[-1].id)
        session.use_control(control)
        self.show_status()

    # Presets

    async def action_choose_preset(self, wanted: str = "") -> None:
        """By its name; ``off`` goes without one, ``save NAME`` keeps how this conversation answers as a preset."""
        if not self._may_steer():
            return
        steering = self._workspace.steering
        await asyncio.to_thread(steering.read)
        verb, _, name = wanted.partition(" ")
        if verb == "save" and name.strip():
            await self._save_preset(name.strip())
        elif wanted in OFF:
            self._use_control(replace(self._session.conversation.control, preset=""))
            self.reply("no preset")
        elif wanted:
            await self._use_preset(wanted)
        else:
            self._pick_preset()

    def _pick_preset(self) -> None:
        from tui.app.screens.choices import Choice
        from tui.app.screens.presets import PresetPicker

        steering, current = self._workspace.steering, self._session.conversation.control.preset
        choices = [
            Choice(
                key=one.name,
                name=one.name,
                more=one.about or preset_words(one.options.items()),
                right="yours" if one.is_own else "",
                note=_preset_note(one),
            )
            for one in steering.presets.values()
        ]
        if current:
            choices.insert(0, Choice(key="off", name="no preset", more=f"in place of {current}"))

        picker = PresetPicker(
            choices=choices,
            own=frozenset(name for name, one in steering.presets.items() if one.is_own),
            current=current,
            faults=steering.faults,
            theme=self._theme,
            glyphs=self._glyphs,
        )
        self.app.push_screen(picker, self._preset_picked)

    def _preset_picked(self, picked: str | None) -> None:
        """The name of a preset, or what else is to be done with one, as ``PresetPicker`` says it."""
        if picked:
            self.in_background(self.action_choose_preset(picked))

    async def _use_preset(self, name: str) -> None:
        presets = self._workspace.steering.presets
        preset = presets.get(name)
        if preset is None:
            more = "/preset shows them"
            self.reply(f"there is no preset {clean_line(name, 40)}{nearest(name, presets)}", role="warning", more=more)
            return
        if preset.model and preset.model != self._session.conversation.model:
            await self._use_named_model(preset.model)
        control = replace(self._session.conversation.control, preset=name)
        self._use_control(control)
        kept = [one for one in preset.options if one in control.options]
        stays = f"{preset_words([(one, control.options[one]) for one in kept])} stays as it is here" if kept else ""
        more = f" {self._glyphs.separator} ".join(filter(None, (preset_words(preset.options.items()), stays)))
        self.reply(f"preset {name}", more=more, seconds=NEWS_SECONDS)

    async def _save_preset(self, name: str) -> None:
        steering, control = self._workspace.steering, self._session.conversation.control
        answering, before = self._answering, steering.preset_of(control)
        options = {**({} if before is None else before.options), **control.options}
        try:
            check_preset_name(name)
            preset = Preset(
                name=name,
                model=self._session.conversation.model,
                system=answering.system.value,
                format=answering.format.value or None,
                options=MappingProxyType({key: value for key, value in options.items() if key in OPTIONS}),
                is_own=True,
            )
            await asyncio.to_thread(steering.save_preset, preset)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)
            return
        self.reply(f"kept as preset {name}", more=f"/preset {name} answers like this", role="success")

    # The system prompt

    def action_use_system(self, text: str = "") -> None:
        """``off`` goes without one; nothing brings the one that holds into the prompt."""
        if not self._may_steer():
            return
        control, text = self._session.conversation.control, clean(text).strip()
        holds = self._answering.system
        if text:
            self._use_control(replace(control, system="" if text in OFF else text))
            words = "no system prompt" if text in OFF else f"system prompt: {clean_line(text, SYSTEM_CELLS)}"
            self.reply(words, more="from the next prompt on")
        elif holds.value:
            self.reply(f"the system prompt, from {self._comes_from(holds)}", more="change it and press enter")
            self.prompt.load(f"/system {holds.value}")
        else:
            self.reply("no system prompt", more="/system and a text gives this conversation one")

    # Thinking

    def action_use_thinking(self, wanted: str = "") -> None:
        if not self._may_steer():
            return
        if wanted not in THINKING:
            holds = self._answering.options["thinking"]
            self.reply(f"thinking: {holds.value}, from {self._comes_from(holds)}", more=f"/think {', '.join(THINKING)}")
            return
        self._use_control(self._session.conversation.control.with_option("thinking", wanted))
        model = self._workspace.find_model(self._session.conversation.model)
        cannot = model is not None and model.capabilities is not None and "thinking" not in model.capabilities
        name = clean_line(self._session.conversation.model, NAME_CELLS)
        self.reply(f"thinking: {wanted}", more=f"{name} cannot think" if cannot else "from the next prompt on")

    # The form of the answer

    async def action_use_format(self, wanted: str = "") -> None:
        """``json``, ``off``, or a file with a JSON schema."""
        if not self._may_steer():
            return
        control = self._session.conversation.control
        if not wanted:
            self._say_format()
            return
        if wanted in OFF or wanted == "text":
            control = replace(control, format="", format_name="")
        elif wanted == "json":
            control = replace(control, format="json", format_name="")
        else:
            try:
                schema, name = await asyncio.to_thread(_read_schema, wanted)
            except Failure as failure:
                self.say_failure(failure, is_reply=True)
                return
            control = replace(control, format=schema, format_name=name)
        self._use_control(control)
        self._say_format()

    def _say_format(self) -> None:
        holds = self._answering.format
        name = clean_line(self._session.conversation.control.format_name, 40)
        words = {None: "text", "": "text", "json": "JSON"}.get(holds.value, f"JSON by {name or 'a schema'}")
        self.reply(f"answers are {words}", more=f"from {self._comes_from(holds)}")

    def _heard(self, event: SessionEvent) -> None:
        super()._heard(event)
        request = self._session.last_request
        if (
            isinstance(event, AnswerEnded)
            and event.message.state is MessageState.complete
            and request is not None
            and request.format is not None
            and request.metadata.get("message") == event.message.id
        ):
            self.in_background(self._check_answer(event.message, request.format))

    async def _check_answer(self, message: Message, wanted: Any) -> None:
        verdict = await asyncio.to_thread(check_answer, message.text, wanted)
        self._say_verdict(verdict, has_schema=wanted != "json")

    def _say_verdict(self, verdict: Verdict, *, has_schema: bool) -> None:
        name = clean_line(self._session.conversation.control.format_name, 40) or "the schema"
        unchecked = f"not checked: {', '.join(verdict.unchecked)}" if verdict.unchecked else ""
        if not verdict.is_right:
            what = f"what {name} says" if has_schema else "JSON"
            more = "; ".join(verdict.problems)
            self.say(f"the answer is not {what}", role="error", more=more, seconds=None, about="format")
        elif has_schema:
            self.say(f"the answer fits {name}", role="success", more=unchecked, seconds=NEWS_SECONDS, about="format")
        else:
            self.say("the answer is JSON", role="success", seconds=NEWS_SECONDS, about="format")

    # Every option

    async def action_open_options(self, wanted: str = "") -> None:
        """``NAME VALUE`` sets one here, ``NAME off`` takes it away, ``model NAME VALUE`` sets it for the model."""
        wanted = wanted.strip()
        if not wanted:
            self._pick_option()
            return
        if not self._may_steer():
            return
        is_for_model = wanted.startswith(FOR_MODEL)
        name, _, typed = wanted.removeprefix(FOR_MODEL).strip().partition(" ")
        try:
            setting = find_option(name)
            if not typed.strip():
                self._enter_option(setting)
                return
            is_taken_away = typed.strip().lower() in OFF and typed.strip().lower() not in setting.choices
            value = None if is_taken_away else parse_value(setting, typed)
            await self._set_option(setting, value, is_for_model=is_for_model)
        except Failure as failure:
            self.say_failure(failure, is_reply=True)

    async def _set_option(self, setting: Setting, value: Value | None, *, is_for_model: bool = False) -> None:
        """Raises ``Failure`` when it cannot be kept."""
        model = self._session.conversation.model
        if is_for_model:
            await asyncio.to_thread(self._workspace.steering.save_model_option, model, setting.key, value)
        else:
            self._use_control(self._session.conversation.control.with_option(setting.key, value))
        holds = self._answering.options[setting.key]
        unit = f" {setting.unit}" if setting.unit and holds.value is not None else ""
        self.reply(
            f"{_words(setting)}: {value_text(setting, holds.value)}{unit}", more=f"from {self._comes_from(holds)}"
        )
        self.show_status()

    def _pick_option(self) -> None:
        from tui.app.screens.choices import Choices

        answering = self._answering
        choices = [self._option_choice(setting, answering.options[name]) for name, setting in OPTIONS.items()]

        def chosen(name: str | None) -> None:
            if name and self._may_steer():
                self._enter_option(OPTIONS[name])

        self.app.push_screen(
            Choices(
                title=f"Options {self._glyphs.separator} {clean_line(self._session.conversation.model, NAME_CELLS)}",
                choices=choices,
                keys=(("enter", "set it here"), ("esc", "back")),
                theme=self._theme,
                glyphs=self._glyphs,
                is_tall=True,
            ),
            chosen,
        )

    def _option_choice(self, setting: Setting, holds: Layered) -> Choice:
        from tui.app.screens.choices import Choice

        unit = f" {setting.unit}" if setting.unit and holds.value is not None else ""
        return Choice(
            key=setting.key,
            name=_words(setting),
            more=f"{value_text(setting, holds.value)}{unit}",
            right=self._comes_from(holds) if holds.source != "server" else "",
            note=f"{setting.help}; {setting.allowed}",
            more_role="foreground" if holds.source != "server" else "muted",
        )

    def _enter_option(self, setting: Setting) -> None:
        from tui.app.screens.entry import Blank, EntryScreen

        own = self._session.conversation.control.options.get(setting.key)
        holds = self._answering.options[setting.key]

        def check(values: tuple[str, ...]) -> None:
            if values[0]:
                parse_value(setting, values[0])

        def entered(values: tuple[str, ...] | None) -> None:
            if values is not None:
                value = parse_value(setting, values[0]) if values[0] else None
                self.in_background(self._set_option(setting, value))

        blank = Blank(
            words=_words(setting),
            value="" if own is None else write_value(setting, own),
            placeholder=f"{value_text(setting, holds.value)}, from {self._comes_from(holds)}",
        )
        self.app.push_screen(
            EntryScreen(
                title="For this conversation",
                blanks=(blank,),
                about=f"{setting.help}; empty: not set here",
                done_word="set it",
                check=check,
                theme=self._theme,
                glyphs=self._glyphs,
            ),
            entered,
        )

    def _comes_from(self, holds: Layered) -> str:
        conversation = self._session.conversation
        match holds.source:
            case "preset":
                return f"preset {clean_line(conversation.control.preset, 40)}"
            case "model":
                return f"models.toml for {clean_line(conversation.model, 40)}"
            case "server":
                return "the model and its server"
            case source:
                return _COMES_FROM[source]

    def choices_for(self, command: Command) -> Iterable[tuple[str, str]]:
        match command.name:
            case "preset.choose":
                presets = self._workspace.steering.presets.values()
                return (*((one.name, one.about) for one in presets), ("off", "no preset"))
            case "answer.think":
                return tuple((one, "as the model is made" if one == "auto" else "") for one in THINKING)
            case "answer.format":
                return (("json", "an object of JSON"), ("off", "text"))
            case "options":
                return tuple((name, setting.help) for name, setting in OPTIONS.items())
            case _:
                return super().choices_for(command)


def _words(setting: Setting) -> str:
    return setting.key.replace("_", " ")


def _read_schema(path: str) -> tuple[str, str]:
    """A schema's text and what its file is called. Raises ``Failure``. Blocks."""
    try:
        file = Path(path).expanduser()
        return schema_text(read_bounded(file, SCHEMA_LIMIT_BYTES, follow_links=True)), file.name
    except (RuntimeError, ValueError) as error:
        raise Failure(f"{clean_line(path, 60)} is no schema", clean_line(str(error), 100), "name a file") from error


def _preset_note(preset: Preset) -> str:
    system = "" if preset.system is None else f"system: {preset.system}"
    shape = "" if not preset.format else "JSON" if preset.format == "json" else "JSON by a schema"
    return ", ".join(filter(None, (preset.model, preset_words(preset.options.items()), shape, system)))
