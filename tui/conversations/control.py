"""What a conversation has set for itself: which prompts steer its model, and what of it the model is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

OptionValue = str | bool | int | float | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What is None or empty is decided elsewhere: by the preset, the settings, the model or the server."""

    preset: str = ""
    """By name; its values hold where the conversation has none of its own."""
    system: str | None = None
    """The system prompt; an empty one says that there is none, whatever the preset has."""
    options: Mapping[str, OptionValue] = field(default_factory=lambda: MappingProxyType({}))
    """By the settings' own names without their group: ``temperature``, ``thinking``, ``keep_alive``; 0 is a value."""
    format: str | None = None
    """``json``, a JSON schema as its text, or empty for plain text, whatever the preset has."""
    format_name: str = ""
    """What the schema is called: the name of its file."""
    when_full: str = ""
    """What is done, unasked, with a prompt that does not fit: ``drop`` or ``summarise`` the oldest; empty: asked."""
    left_out_until: str = ""
    """The id of the last message that the model is not shown any more, with all before it; empty: it sees all."""
    left_out_at: str = ""
    """The id of the last message that there was when those were left out."""
    tools: tuple[str, ...] = ()
    """The names of those that the model is offered; none from the beginning."""
    tool_choice: str = ""
    """``none``, or the name of the only one that is offered; empty: all of ``tools``."""
    allowed_tools: tuple[str, ...] = ()
    """Those that run without a question; it means something for harmless ones alone."""
    documents: bool = False
    """Whether passages of the person's documents go along with each prompt."""
    is_pinned: bool = False
    """It stands first in lists."""

    def with_option(self, name: str, value: OptionValue | None) -> Control:
        """With one option set; None takes it away."""
        options = {key: item for key, item in self.options.items() if key != name}
        if value is not None:
            options[name] = value
        return replace(self, options=MappingProxyType(options))

    @property
    def is_set(self) -> bool:
        return self != NOTHING_SET


NOTHING_SET = Control()
