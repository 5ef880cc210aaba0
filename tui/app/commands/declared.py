"""The commands. Keys, the palette, ``/commands``, the help screen and the README's tables all follow from here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Where(StrEnum):
    """Where a key works."""

    chat = "chat"
    prompt = "prompt"
    lists = "lists"
    connect = "connect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    name: str
    """By which it can be looked up, and its key changed."""
    words: str
    """What it does, in a few words, for lists."""
    keys: tuple[str, ...] = ()
    """As people write them; the first is the one that is shown."""
    bound: tuple[str, ...] = ()
    """The same keys as the terminal library names them, families included. Empty: a widget handles them itself."""
    slash: tuple[str, ...] = ()
    """Names behind ``/``; the first is the one that is shown."""
    argument: str = ""
    """What may follow the slash name: ``[NAME]``."""
    takes_lines: bool = False
    """What follows may have several lines."""
    action: str = ""
    """The screen's action. Empty: it is only a key, told here so that every table has it."""
    where: Where = Where.chat


COMMANDS: tuple[Command, ...] = (
    Command(
        name="commands",
        words="every command",
        keys=("ctrl+p",),
        bound=("ctrl+p",),
        slash=("commands",),
        action="open_palette",
    ),
    Command(
        name="help.keys",
        words="the keys that work here",
        keys=("f1",),
        bound=("f1",),
        slash=("keys", "?", "help"),
        action="open_keys",
    ),
    Command(
        name="model.choose",
        words="choose the model",
        keys=("ctrl+t",),
        bound=("ctrl+t",),
        slash=("model", "load", "models"),
        argument="[NAME]",
        action="choose_model",
    ),
    Command(
        name="model.pull",
        words="pull a model; without a name, how far the pulls are",
        slash=("pull",),
        argument="[NAME]",
        action="pull_model",
    ),
    Command(
        name="model.unload",
        words="take this model, or the named one, out of memory",
        slash=("unload",),
        argument="[NAME]",
        action="unload_model",
    ),
    Command(
        name="conversation.open",
        words="open a conversation",
        keys=("ctrl+o",),
        bound=("ctrl+o",),
        slash=("open",),
        action="open_conversation",
    ),
    Command(
        name="conversation.new",
        words="new conversation",
        keys=("ctrl+n",),
        bound=("ctrl+n",),
        slash=("new", "clear"),
        action="new_conversation",
    ),
    Command(
        name="conversation.private",
        words="a private conversation, nothing of it is kept",
        slash=("private",),
        action="begin_private",
    ),
    Command(
        name="conversation.rename",
        words="rename this conversation",
        slash=("rename",),
        argument="TITLE",
        action="rename_conversation",
    ),
    Command(
        name="conversation.delete",
        words="delete this conversation, ctrl+_ undoes it",
        slash=("delete",),
        action="delete_conversation",
    ),
    Command(
        name="conversation.take_over",
        words="ask for a conversation that is open in another chinwag",
        slash=("takeover",),
        action="take_over",
    ),
    Command(
        name="undo",
        words="undo; on an empty prompt, what was deleted last",
        keys=("ctrl+_",),
        bound=("ctrl+underscore", "ctrl+shift+minus", "ctrl+slash"),
        slash=("undo",),
        action="undo",
    ),
    Command(
        name="answer.stop",
        words="close what is on top, else stop the answer",
        keys=("escape",),
        bound=("escape",),
        slash=("stop",),
        action="escape",
    ),
    Command(
        name="answer.again",
        words="try again after a failure",
        keys=("enter on an empty prompt",),
        slash=("again",),
        action="try_again",
    ),
    Command(
        name="answer.recover",
        words="what can be tried when a model ran out of memory",
        slash=("recover",),
        action="recover_memory",
    ),
    Command(
        name="answer.unload_and_again",
        words="unload a model that says nothing, and ask it again",
        keys=("alt+u",),
        bound=("alt+u",),
        slash=("reload",),
        action="unload_and_again",
    ),
    Command(
        name="answer.thinking",
        words="fold or unfold the last thinking",
        keys=("alt+t",),
        bound=("alt+t",),
        slash=("thinking",),
        action="toggle_thinking",
    ),
    Command(
        name="answer.details",
        words="who, when and the numbers of an answer",
        keys=("alt+i",),
        bound=("alt+i",),
        slash=("details",),
        action="toggle_details",
    ),
    Command(
        name="answer.tool",
        words="fold or unfold what a tool was asked and gave",
        slash=("tool",),
        action="toggle_tool",
    ),
    Command(
        name="answer.code_wrap",
        words="wrap long lines of code, or cut them",
        slash=("wrap",),
        argument="[NUMBER]",
        action="toggle_code_wrap",
    ),
    Command(
        name="answer.links",
        words="the links of an answer, to open or copy",
        keys=("alt+l",),
        bound=("alt+l",),
        slash=("links",),
        argument="[NUMBER]",
        action="open_links",
    ),
    Command(
        name="copy",
        words="copy an answer, a block of code, or everything",
        keys=("ctrl+y on an empty prompt",),
        bound=("ctrl+y",),
        slash=("copy",),
        argument="[answer|code N|all]",
        action="copy",
    ),
    Command(
        name="context.window",
        words="how full the model's window is, and what is done when it is full",
        slash=("window",),
        argument="[ask|drop|summarise|all|TOKENS]",
        action="show_window",
    ),
    Command(
        name="preset.choose",
        words="choose a preset; save NAME keeps how this conversation answers",
        slash=("preset",),
        argument="[NAME|off|save NAME]",
        action="choose_preset",
    ),
    Command(
        name="options",
        words="every option and where it comes from; with a name and a value, set it here",
        slash=("options", "option"),
        argument="[NAME VALUE|NAME off|model NAME VALUE]",
        action="open_options",
    ),
    Command(
        name="conversation.system",
        words="give this conversation a system prompt; without a text, change it",
        slash=("system",),
        argument="[TEXT|off]",
        takes_lines=True,
        action="use_system",
    ),
    Command(
        name="answer.think",
        words="whether the model thinks in this conversation",
        slash=("think",),
        argument="[on|off|low|medium|high|auto]",
        action="use_thinking",
    ),
    Command(
        name="answer.format",
        words="answers as JSON, by a schema in a file, or as text",
        slash=("format",),
        argument="[json|FILE|off]",
        action="use_format",
    ),
    Command(
        name="prompts",
        words="your own prompts, which /name calls",
        slash=("prompts",),
        argument="[NAME]",
        action="choose_prompt",
    ),
    Command(
        name="request",
        words="the exact request, before or after it is sent; curl copies it",
        slash=("request",),
        argument="[next|last|curl]",
        action="show_request",
    ),
    Command(
        name="find",
        words="find in this conversation",
        keys=("ctrl+f",),
        bound=("ctrl+f",),
        slash=("find",),
        argument="[WORDS]",
        action="find",
    ),
    Command(
        name="prompt.search",
        words="search the earlier prompts",
        keys=("ctrl+r",),
        bound=("ctrl+r",),
        slash=("history",),
        argument="[WORDS]",
        action="search_prompts",
    ),
    Command(
        name="terminal.mouse",
        words="give the mouse to the terminal, or take it back",
        slash=("mouse",),
        action="toggle_mouse",
    ),
    Command(
        name="server.connect",
        words="go to another server",
        slash=("connect",),
        argument="[ADDRESS]",
        action="connect",
    ),
    Command(
        name="cloud.take_back",
        words="ask again before anything goes to the cloud",
        slash=("cloud",),
        action="take_back_cloud",
    ),
    Command(
        name="server.choose",
        words="the servers: how they are, and going to another one",
        keys=("alt+s",),
        bound=("alt+s",),
        slash=("servers", "server"),
        argument="[NAME]",
        action="open_servers",
    ),
    Command(
        name="server.demo",
        words="look around with the demo, nothing is kept",
        slash=("demo",),
        action="use_demo",
    ),
    Command(
        name="appearance.theme",
        words="choose the theme",
        slash=("theme",),
        argument="[NAME]",
        action="choose_theme",
    ),
    Command(
        name="settings",
        words="settings",
        keys=("f2",),
        bound=("f2",),
        slash=("settings",),
        action="open_settings",
    ),
    Command(
        name="ollama.set",
        words="as in ollama's own prompt: system, parameter, think, format",
        slash=("set",),
        argument="[WORD VALUE]",
        takes_lines=True,
        action="set_as_in_ollama",
    ),
    Command(
        name="ollama.show",
        words="as in ollama's own prompt: the model of this conversation",
        slash=("show",),
        argument="[info|license|modelfile|parameters|system|template]",
        action="show_as_in_ollama",
    ),
    Command(
        name="model.save",
        words="make a model of this conversation, as ollama's own prompt does",
        slash=("save",),
        argument="NAME",
        action="save_model",
    ),
    Command(
        name="said",
        words="what was said",
        slash=("said",),
        action="show_said",
    ),
    Command(
        name="suspend",
        words="back to the shell; fg returns",
        keys=("ctrl+z",),
        bound=("ctrl+z",),
        action="suspend_app",
    ),
    Command(
        name="quit",
        words="quit; everything is kept",
        keys=("ctrl+q", "ctrl+d on an empty prompt", "ctrl+c twice on an empty prompt"),
        bound=("ctrl+q",),
        slash=("bye", "quit", "exit"),
        action="quit_chinwag",
    ),
    Command(
        name="prompt.clear",
        words="copy, else stop, else clear the prompt",
        keys=("ctrl+c",),
        bound=("ctrl+c",),
        action="interrupt",
    ),
    Command(
        name="view.page_up",
        words="a page up",
        keys=("pageup",),
        bound=("pageup",),
        action="view_page_up",
    ),
    Command(
        name="view.page_down",
        words="a page down",
        keys=("pagedown",),
        bound=("pagedown",),
        action="view_page_down",
    ),
    Command(
        name="view.top",
        words="to the beginning",
        keys=("ctrl+home",),
        bound=("ctrl+home",),
        action="view_home",
    ),
    Command(
        name="view.end",
        words="to the end, and follow it",
        keys=("ctrl+end",),
        bound=("ctrl+end",),
        action="view_end",
    ),
    Command(
        name="view.previous_message",
        words="the message before",
        keys=("alt+up",),
        bound=("alt+up",),
        action="view_previous_message",
    ),
    Command(
        name="view.next_message",
        words="the message after",
        keys=("alt+down",),
        bound=("alt+down",),
        action="view_next_message",
    ),
    Command(name="prompt.send", words="send", keys=("enter",), where=Where.prompt),
    Command(
        name="prompt.newline",
        words="a new line",
        keys=("ctrl+j", "alt+enter", "shift+enter", "\\ then enter"),
        where=Where.prompt,
    ),
    Command(
        name="prompt.previous",
        words="earlier prompts, takes back what is queued",
        keys=("up at the first line",),
        where=Where.prompt,
    ),
    Command(name="prompt.next", words="later prompts", keys=("down at the last line",), where=Where.prompt),
    Command(
        name="prompt.editing",
        words="line editing as in a shell",
        keys=("ctrl+a", "ctrl+e", "ctrl+k", "ctrl+u", "ctrl+w", "ctrl+y", "alt+b", "alt+f"),
        where=Where.prompt,
    ),
    Command(name="prompt.open_paste", words="open a folded paste into the text", keys=("alt+x",), where=Where.prompt),
    Command(name="prompt.complete", words="complete a /command; up and down choose", keys=("tab",), where=Where.prompt),
    Command(name="list.use", words="use what is marked", keys=("enter",), where=Where.lists),
    Command(name="list.refresh", words="read the models again", keys=("alt+r",), bound=("alt+r",), where=Where.lists),
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
        words="stop the marked pull; enter goes on",
        keys=("alt+x",),
        bound=("alt+x",),
        where=Where.lists,
    ),
    Command(name="servers.add", words="write down a server", keys=("alt+a",), bound=("alt+a",), where=Where.lists),
    Command(
        name="servers.change", words="change the marked server", keys=("alt+e",), bound=("alt+e",), where=Where.lists
    ),
    Command(
        name="list.rename",
        words="another name for what is marked",
        keys=("alt+n",),
        bound=("alt+n",),
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
    Command(name="list.back", words="back to the conversation", keys=("escape",), where=Where.lists),
    Command(name="connect.demo", words="take a look with the demo", keys=("d",), where=Where.connect),
    Command(name="connect.address", words="another address", keys=("a",), where=Where.connect),
    Command(name="connect.retry", words="try again now", keys=("r",), where=Where.connect),
)


def by_slash(commands: Iterable[Command] = COMMANDS) -> dict[str, Command]:
    """Every name that may stand behind a slash."""
    return {name: command for command in commands for name in command.slash}


def read_slash(text: str) -> tuple[Command, str] | None:
    """The command that a prompt is, with its argument. Anything that is not exactly a known one is a prompt.

    A known name with an argument that it does not take is a prompt too: ``/new york is large`` is something to say.
    """
    if not text.startswith("/"):
        return None
    line, newline, rest = text[1:].strip().partition("\n")
    name, _, argument = line.strip().partition(" ")
    command = by_slash().get(name)
    if command is None or (argument.strip() and not command.argument) or (newline and not command.takes_lines):
        return None
    return command, f"{argument.strip()}{newline}{rest}".strip()


def matching(typed: str, commands: Iterable[Command] = COMMANDS) -> tuple[Command, ...]:
    """The commands whose slash name begins with what was typed behind the slash."""
    return tuple(command for command in commands if any(name.startswith(typed) for name in command.slash))
