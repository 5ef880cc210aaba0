"""With what each model is asked at this moment: what was set, and what its memory made of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from tui.chat.fitting import Plan, window_tokens
from tui.chat.generation import Generation, loading_options
from tui.chat.steering import Steering
from tui.conversations.control import NOTHING_SET, Control
from tui.conversations.values import Conversation
from tui.engine import ChatRequest, Model, RunningModel


class Planner:
    """Makes what goes along with a request. Models go by their names on the server of this moment."""

    def __init__(
        self,
        steering: Steering,
        *,
        host_url: Callable[[], str],
        find_model: Callable[[str], Model | None],
        running_model: Callable[[str], RunningModel | None],
        is_cloud: Callable[[str], bool],
    ) -> None:
        self._steering = steering
        self._host_url = host_url
        self._find_model = find_model
        self._running_model = running_model
        self._is_cloud = is_cloud
        self._memory_options: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._contexts_taken_over: dict[tuple[str, str], tuple[Any, int | None]] = {}
        """By server and model, the context that was wanted and the one that is taken in its place."""

    def generation(self, model: str, control: Control = NOTHING_SET) -> Generation:
        """How the model of this name is asked to answer at this moment, in a conversation with that control."""
        found = self._find_model(model)
        capabilities = None if found is None else found.capabilities
        can_think = None if capabilities is None else "thinking" in capabilities
        generation = self._steering.generation(model, control, can_think=can_think)
        options = dict(generation.options)
        wanted, taken_over = self._contexts_taken_over.get((self._host_url(), model), (None, None))
        if taken_over is not None and wanted == options.get("num_ctx"):
            options["num_ctx"] = taken_over
        options |= self._memory_options.get((self._host_url(), model), {})
        return replace(generation, options=MappingProxyType(options))

    def plan(self, conversation: Conversation, model: str) -> Plan:
        """What holds for the conversation's next request to the model."""
        generation = self.generation(model, conversation.control)
        running, found = self._running_model(model), self._find_model(model)
        window = None if self._is_cloud(model) else window_tokens(generation, running, found)
        can_see = None if found is None or found.capabilities is None else "vision" in found.capabilities
        return replace(self._steering.plan(conversation, model, generation, window), can_see=can_see)

    def use_memory_options(self, model: str, options: Mapping[str, Any], *, host_url: str) -> None:
        """Until chinwag ends, that server's model is asked with these in the place of those set; none: as it is set."""
        if options:
            self._memory_options[host_url, model] = dict(options)
        else:
            self._memory_options.pop((host_url, model), None)

    def take_over_context(self, model: str, tokens: int | None, control: Control) -> None:
        """Until another one is wanted, the model is asked with the context that it was loaded with; None: as it is set."""
        wanted = self._steering.generation(model, control).options.get("num_ctx")
        self._contexts_taken_over[self._host_url(), model] = (wanted, tokens)

    def loading_request(self, model: str, control: Control, *, keep_alive: float | None = None) -> ChatRequest:
        """Loads the model with the options that a chat with that control sends, so that it is not loaded twice."""
        generation = self.generation(model, control)
        return ChatRequest(
            model=model,
            messages=(),
            options=loading_options(generation.options),
            keep_alive=generation.keep_alive if keep_alive is None else keep_alive,
        )

    def wanted_context_tokens(self, model: str, control: Control = NOTHING_SET) -> int | None:
        """The window that a chat with it asks for; None while that is left to the server."""
        tokens = self.generation(model, control).options.get("num_ctx")
        return tokens if isinstance(tokens, int) else None

    def forget_memory_options(self) -> None:
        """Whoever sets a context says what is wanted, whatever did not fit before."""
        self._memory_options.clear()
