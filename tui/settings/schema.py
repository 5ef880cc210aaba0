"""Every setting, declared once. Form, file, environment, flags, checks and the README's table follow from here."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from tui.cleaning import clean, clean_line
from tui.failures import Failure
from tui.settings.document_settings import DOCUMENT_SETTINGS
from tui.settings.setting import LIST_LIMIT, Setting, Value, plain
from tui.theming.nearest import nearest

__all__ = ["BY_NAME", "GROUPS", "KEYS", "SETTINGS", "Setting", "Value"]

TEXT_LIMIT_CHARACTERS = 500
KEYS = "keys"
"""The group whose names are those of commands: ``keys.model.choose``."""

_SWITCH_WORDS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_INTEGER_LIMIT_DIGITS = 18
_NUMBER = re.compile(r"[+-]?(\d{1,12}(\.\d{0,330})?|\.\d{1,330})")
_DURATION = re.compile(r"-1|0|(\d{1,9}(\.\d{1,3})?(ms|s|m|h))+")
_COMMAND_NAME = re.compile(r"[a-z_]{1,40}(\.[a-z_]{1,40}){0,3}")

SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="server.host",
        kind="text",
        default="",
        help="the address of the server; empty: what OLLAMA_HOST says, else this machine",
        flag="--host",
    ),
    Setting(
        name="server.attempts",
        kind="integer",
        default=3,
        minimum=1,
        maximum=20,
        help="how often a request is sent at most that did not reach the server, and a pull that broke off; 1: never again",
    ),
    Setting(
        name="server.retry_base_seconds",
        kind="number",
        default=0.5,
        minimum=0,
        maximum=60,
        unit="seconds",
        help="how long chinwag waits before it sends a request again; twice as long each time",
    ),
    Setting(
        name="server.retry_cap_seconds",
        kind="number",
        default=8.0,
        minimum=0,
        maximum=600,
        unit="seconds",
        help="how long it waits at most",
    ),
    Setting(
        name="server.starts_ollama",
        kind="switch",
        default=False,
        help="whether chinwag starts ollama on this machine when nothing answers there; it is stopped at the end",
    ),
    Setting(
        name="server.ollama_program",
        kind="text",
        default="",
        help="the ollama program to start; empty: the one on the path",
    ),
    Setting(
        name="server.ollama_environment",
        kind="text",
        default="",
        help="variables for an ollama that chinwag starts, as NAME=value NAME=value; empty: none of its own",
    ),
    Setting(
        name="server.asks_before_reload",
        kind="switch",
        default=True,
        help="whether chinwag asks before a prompt loads anew, or pushes out, a model that somebody else loaded",
    ),
    Setting(
        name="server.recovers_from_memory",
        kind="choice",
        default="ask",
        choices=("ask", "auto", "never"),
        help="when a model runs out of memory: unload others, a smaller context, fewer layers on the gpu; auto: unasked",
    ),
    Setting(
        name="chat.model",
        kind="text",
        default="",
        help="the model of new conversations; empty: one that is loaded, else the newest local one",
        flag="--model",
    ),
    Setting(
        name="chat.loads_chosen_model",
        kind="switch",
        default=False,
        help="whether a model is loaded as soon as it is chosen, and not with the first prompt",
    ),
    Setting(
        name="chat.history_messages",
        kind="integer",
        default=None,
        minimum=1,
        maximum=100_000,
        unit="messages",
        help="how many of the last messages a model is shown; older ones stay in the conversation; not set: all",
    ),
    Setting(
        name="chat.history_tokens",
        kind="integer",
        default=None,
        minimum=100,
        maximum=16_777_216,
        unit="tokens",
        help="how much of what was said last a model is shown, about; not set: as much as its window takes",
    ),
    Setting(
        name="generation.thinking",
        kind="choice",
        default="auto",
        choices=("auto", "on", "off", "low", "medium", "high"),
        help="whether a model that can think does, and how long; auto: as the model is made",
        flag="--thinking",
    ),
    Setting(
        name="generation.temperature",
        kind="number",
        default=None,
        minimum=0,
        maximum=5,
        help="how freely words are chosen; 0: always the likeliest; not set: as the model is made",
        flag="--temperature",
    ),
    Setting(
        name="generation.context_tokens",
        kind="integer",
        default=None,
        minimum=256,
        maximum=16_777_216,
        unit="tokens",
        help="the window for prompt and answer (num_ctx); another one loads the model again; not set: the server's own",
        flag="--context-tokens",
    ),
    Setting(
        name="generation.answer_tokens",
        kind="integer",
        default=None,
        minimum=-1,
        maximum=16_777_216,
        unit="tokens",
        help="where an answer is cut off at the latest (num_predict); -1: nowhere; not set: as the model is made",
        flag="--answer-tokens",
    ),
    Setting(
        name="generation.seed",
        kind="integer",
        default=None,
        minimum=0,
        maximum=2_147_483_647,
        help="the same seed and the same prompt give the same answer; not set: another one each time",
        flag="--seed",
    ),
    Setting(
        name="generation.top_p",
        kind="number",
        default=None,
        minimum=0,
        maximum=1,
        help="only the likeliest words whose chances add up to this; not set: as the model is made",
        flag="--top-p",
    ),
    Setting(
        name="generation.top_k",
        kind="integer",
        default=None,
        minimum=0,
        maximum=1_000_000,
        help="only that many of the likeliest words; 0: all; not set: as the model is made",
        flag="--top-k",
    ),
    Setting(
        name="generation.min_p",
        kind="number",
        default=None,
        minimum=0,
        maximum=1,
        help="only words at least this likely beside the likeliest; not set: as the model is made",
        flag="--min-p",
    ),
    Setting(
        name="generation.repeat_penalty",
        kind="number",
        default=None,
        minimum=0,
        maximum=10,
        help="above 1 words that were there already come less often; not set: as the model is made",
        flag="--repeat-penalty",
    ),
    Setting(
        name="generation.presence_penalty",
        kind="number",
        default=None,
        minimum=-2,
        maximum=2,
        help="above 0 words that were there already come less often, however often they were; not set: as the model is made",
        flag="--presence-penalty",
    ),
    Setting(
        name="generation.frequency_penalty",
        kind="number",
        default=None,
        minimum=-2,
        maximum=2,
        help="above 0 words come the less often the more often they were there; not set: as the model is made",
        flag="--frequency-penalty",
    ),
    Setting(
        name="generation.stop",
        kind="list",
        default=(),
        help="an answer ends before the first of these texts; empty: as the model is made",
        flag="--stop",
    ),
    Setting(
        name="generation.keep_alive",
        kind="duration",
        default="",
        help="how long the model stays in memory after an answer; -1: for ever; empty: as the server is set",
        flag="--keep-alive",
    ),
    *DOCUMENT_SETTINGS,
    Setting(
        name="tools.folder",
        kind="text",
        default="",
        help="the folder that models may read files in and run commands in, when those tools are on; empty: none",
    ),
    Setting(
        name="tools.rounds",
        kind="integer",
        default=8,
        minimum=1,
        maximum=50,
        unit="rounds",
        help="how often in a row a model may call tools before it is asked to answer without them",
    ),
    Setting(
        name="tools.call_seconds",
        kind="integer",
        default=60,
        minimum=1,
        maximum=3600,
        unit="seconds",
        help="how long one call of a tool may take",
    ),
    Setting(
        name="appearance.theme",
        kind="text",
        default="auto",
        help="the name of a theme; auto: chinwag-dark or chinwag-light, by the terminal's background",
        flag="--theme",
    ),
    Setting(
        name="appearance.glyphs",
        kind="choice",
        default="auto",
        choices=("auto", "unicode", "ascii"),
        help="the characters that chinwag draws with; auto: ascii where the locale is not UTF-8",
        flag="--glyphs",
    ),
    Setting(
        name="appearance.motion",
        kind="switch",
        default=True,
        help="whether something moves while work is under way",
        flag="--motion",
    ),
    Setting(
        name="appearance.prose_width_columns",
        kind="integer",
        default=96,
        minimum=40,
        maximum=400,
        unit="columns",
        help="how wide prose is at most; code and tables may be as wide as the window",
        flag="--prose-width",
    ),
    Setting(
        name="appearance.wraps_code",
        kind="switch",
        default=True,
        help="whether a line of code that is wider than the window goes on in the next row; off: it is cut",
    ),
    Setting(
        name="appearance.shows_gpu",
        kind="switch",
        default=False,
        help="whether the status line shows this machine's GPU while a server here answers; NVIDIA: the extra gpu",
    ),
    Setting(
        name="terminal.mouse",
        kind="switch",
        default=True,
        help="whether the mouse is chinwag's; off: the terminal selects text itself, and the wheel does not scroll",
        flag="--mouse",
    ),
    Setting(
        name="terminal.enter_sends",
        kind="switch",
        default=True,
        help="whether enter sends; off: it makes a new line, and ctrl+enter, escape and enter, or ctrl+d on text send",
    ),
    Setting(
        name="terminal.plain",
        kind="switch",
        default=False,
        help="line by line without a screen, for Braille lines, screen readers and logs; from the next start on",
    ),
    Setting(
        name="attention.alert",
        kind="choice",
        default="bell",
        choices=("off", "bell", "notification"),
        help="when a long answer ends unseen; in tmux a notification needs allow-passthrough, and focus-events to be unseen",
    ),
    Setting(
        name="attention.long_answer_seconds",
        kind="integer",
        default=10,
        minimum=0,
        maximum=86_400,
        unit="seconds",
        help="an answer is a long one when it takes more than that",
    ),
    Setting(
        name="attention.title",
        kind="switch",
        default=True,
        help="whether the title of the terminal says the model and what it does; the old one comes back at the end",
    ),
    Setting(
        name="storage.format",
        kind="choice",
        default="json",
        choices=("json", "toml"),
        help="how conversations are written from the next save on; both are always read",
    ),
    Setting(
        name="storage.finish_seconds",
        kind="integer",
        default=1800,
        minimum=1,
        maximum=86_400,
        unit="seconds",
        help="how long an answer may go on when nobody looks: in the background, or after the line dropped",
    ),
    Setting(
        name="storage.finish_megabytes",
        kind="integer",
        default=64,
        minimum=1,
        maximum=1024,
        unit="MB",
        help="how much may still come of answers when nobody looks",
    ),
    Setting(
        name="log.requests",
        kind="switch",
        default=False,
        help="whether requests to servers are written down: when, what, which model, how long; never a key",
    ),
    Setting(
        name="log.text",
        kind="switch",
        default=False,
        help="whether that log has the text of prompts and answers, too; never of a private conversation",
    ),
    Setting(
        name="log.largest_bytes",
        kind="integer",
        default=2_000_000,
        minimum=10_000,
        maximum=1_000_000_000,
        unit="bytes",
        help="where the log of requests begins a new file; from the next start on",
    ),
    Setting(
        name="log.kept_files",
        kind="integer",
        default=5,
        minimum=0,
        maximum=100,
        help="how many full files of that log stay beside the new one; from the next start on",
    ),
)

GROUPS = tuple(dict.fromkeys(setting.group for setting in SETTINGS))
BY_NAME = {setting.name: setting for setting in SETTINGS}


def find_setting(name: str) -> Setting:
    """The setting of that name. Raises ``Failure`` naming its nearest neighbour.

    Those of the group ``keys`` have the names of commands, which are not known here: any that could be one is found.
    """
    if is_key_name(name):
        return key_setting(name.removeprefix(f"{KEYS}."))
    if name not in BY_NAME:
        raise Failure(f"there is no setting {clean_line(name, 60)}{nearest(name, BY_NAME)}", "", "check its name")
    return BY_NAME[name]


def is_key_name(name: str) -> bool:
    """Whether a setting of this name has the keys of a command, if there is such a command."""
    return name.startswith(f"{KEYS}.") and _COMMAND_NAME.fullmatch(name.removeprefix(f"{KEYS}.")) is not None


def key_setting(command: str, *, default: tuple[str, ...] | None = None, words: str = "") -> Setting:
    """The setting that has the keys of a command: ``default`` without a setting. ``words`` say what it does."""
    return Setting(name=f"{KEYS}.{command}", kind="keys", default=default, help=words)


def check_value(setting: Setting, value: Any) -> Value:
    """``value`` as ``setting`` has it: a number as a float, a list as a tuple. Raises ``Failure`` naming what is allowed."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match setting.kind:
        case "switch":
            is_allowed = isinstance(value, bool)
        case "integer":
            is_allowed = is_number and isinstance(value, int) and setting.minimum <= value <= setting.maximum
        case "number":
            is_allowed = is_number and math.isfinite(value) and setting.minimum <= value <= setting.maximum
            value = float(value) if is_allowed else value
        case "choice":
            is_allowed = isinstance(value, str) and value in setting.choices
        case "text":
            is_allowed = isinstance(value, str) and len(value) <= TEXT_LIMIT_CHARACTERS and _is_plain_line(value)
        case "duration":
            is_allowed = isinstance(value, str) and (not value or _DURATION.fullmatch(value) is not None)
        case "list" | "keys":
            value = tuple(filter(None, (value,))) if isinstance(value, str) else value
            is_allowed = (
                isinstance(value, list | tuple)
                and len(value) <= LIST_LIMIT
                and all(
                    isinstance(one, str) and 0 < len(one) <= TEXT_LIMIT_CHARACTERS and clean(one) == one
                    for one in value
                )
            )
            value = tuple(value) if is_allowed else value
            if is_allowed and setting.kind == "keys":
                is_allowed = all(map(_is_plain_line, value))
    if not is_allowed:
        raise _refusal(setting, value)
    result: Value = value
    return result


def parse_value(setting: Setting, text: str) -> Value:
    """The value that ``text`` says, as an environment variable or a command writes it: ``on``, ``120``, ``ascii``.

    A list is one text, or several as TOML has them: ``["###", "END"]``. Raises ``Failure`` naming what is allowed.
    """
    trimmed = text.strip()
    match setting.kind:
        case "switch":
            return check_value(setting, _SWITCH_WORDS.get(trimmed.lower(), text))
        case "integer":
            is_number = trimmed.removeprefix("-").isdecimal() and len(trimmed) <= _INTEGER_LIMIT_DIGITS
            return check_value(setting, int(trimmed) if is_number else text)
        case "number":
            return check_value(setting, float(trimmed) if _NUMBER.fullmatch(trimmed) else text)
        case "choice":
            return check_value(setting, trimmed.lower())
        case "duration":
            return check_value(setting, trimmed.lower().replace(" ", ""))
        case "list":
            return check_value(setting, _listed(trimmed) if trimmed.startswith("[") else trimmed)
        case "keys":
            return check_value(setting, [key.strip() for key in trimmed.lower().split(",") if key.strip()])
        case "text":
            return check_value(setting, trimmed)


def write_value(setting: Setting, value: Value) -> str:
    """``value`` as ``parse_value`` reads it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        if setting.kind == "keys":
            return ", ".join(value)
        if not value or (len(value) == 1 and _is_plain_line(value[0]) and value[0].strip() == value[0]):
            return "" if not value else (value[0] if value[0][0] != "[" else json.dumps(value, ensure_ascii=False))
        return json.dumps(value, ensure_ascii=False)
    return plain(value) if isinstance(value, float) else str(value)


def _listed(text: str) -> Any:
    """The list that TOML text stands for; the text itself where it stands for none."""
    import tomllib

    try:
        return tomllib.loads(f"list = {text}").get("list", text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def _is_plain_line(text: str) -> bool:
    return "\n" not in text and "\t" not in text and clean(text) == text


def _refusal(setting: Setting, value: Any) -> Failure:
    if setting.kind == "text" and isinstance(value, str):
        cause = f"it needs to be one line of at most {TEXT_LIMIT_CHARACTERS} characters, all of them visible"
    else:
        cause = f"it needs to be {setting.allowed}, not {_shown(value)}"
    return Failure(f"{setting.name} cannot have that value", cause, f"choose {setting.allowed}")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        # Python refuses to write out numbers of thousands of digits.
        return str(value) if value.bit_length() <= 64 else "a number that large"
    if isinstance(value, str):
        return f'"{clean_line(value, 40)}"'
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return "a table"
    return "such a list" if isinstance(value, list | tuple) else clean_line(str(value), 40)
