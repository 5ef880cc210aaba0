"""An async client for Ollama that gives up on nothing slow and believes nothing broken.

It can be used by itself. Everything below is loaded when it is first asked for; importing this loads no HTTP library.
Every method of ``OllamaClient`` raises ``OllamaError`` and nothing else. With ``log=RequestLog(folder)`` each request
leaves one line of JSON there, without a word of what was said in it.

    import asyncio
    import os
    from contextlib import aclosing

    from tui.ollama import ChatMessage, ChatRequest, Chunk, OllamaClient, OllamaError, RetryPolicy, choose_host

    async def main() -> None:
        host = choose_host(None, None, os.environ)
        async with OllamaClient(host, retries=RetryPolicy(attempts=3), on_retry=print) as client:
            print("ollama", await client.version())
            for model in await client.list_models():
                print(model.name, model.size_bytes)

            async with aclosing(client.pull_model("gemma3:270m")) as pull:
                async for progress in pull:
                    print(progress.status, progress.seen_completed_bytes, progress.seen_total_bytes)

            request = ChatRequest(model="gemma3:270m", messages=(ChatMessage(role="user", text="Why is the sky blue?"),))
            async with aclosing(client.chat(request)) as answer:
                async for part in answer:
                    if isinstance(part, Chunk):
                        print(part.text, end="", flush=True)
                    else:
                        print(f" ({part.answer_tokens} tokens, {part.tokens_per_second or 0:.0f} a second)")

    try:
        asyncio.run(main())
    except OllamaError as error:
        print(error)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tui.engine import (
        ChatMessage,
        ChatRequest,
        Chunk,
        Embeddings,
        EngineError,
        ErrorKind,
        FinalCounts,
        Health,
        Host,
        LayerProgress,
        Model,
        ModelDetails,
        Progress,
        ProgressPhase,
        Retry,
        RunningModel,
        ToolCall,
    )
    from tui.ollama.address import choose_host, parse_host
    from tui.ollama.client import OllamaClient
    from tui.ollama.credentials import Credentials
    from tui.ollama.embeddings import EmbeddedBatch
    from tui.ollama.errors import (
        OllamaConnectionError,
        OllamaError,
        OllamaModelError,
        OllamaResponseError,
        OllamaStreamError,
        OllamaTimeoutError,
    )
    from tui.ollama.lacking import refuse_what_is_lacking
    from tui.ollama.names import normalised_name, same_model
    from tui.ollama.recovery import Remedy, Step, StepTaken, recovery_steps, take_step
    from tui.ollama.replies import Account, CloudStatus, RecommendedModel
    from tui.ollama.request_log import RequestLog
    from tui.ollama.requests import CreateRequest, EmbedRequest, GenerateRequest
    from tui.ollama.retries import RetryPolicy
    from tui.ollama.runners import runner_of
    from tui.ollama.slot_leak import StuckSlot, stuck_slot

__all__ = [
    "Account",
    "ChatMessage",
    "ChatRequest",
    "Chunk",
    "CloudStatus",
    "CreateRequest",
    "Credentials",
    "EmbedRequest",
    "EmbeddedBatch",
    "Embeddings",
    "EngineError",
    "ErrorKind",
    "FinalCounts",
    "GenerateRequest",
    "Health",
    "Host",
    "LayerProgress",
    "Model",
    "ModelDetails",
    "OllamaClient",
    "OllamaConnectionError",
    "OllamaError",
    "OllamaModelError",
    "OllamaResponseError",
    "OllamaStreamError",
    "OllamaTimeoutError",
    "Progress",
    "ProgressPhase",
    "RecommendedModel",
    "Remedy",
    "RequestLog",
    "Retry",
    "RetryPolicy",
    "RunningModel",
    "Step",
    "StepTaken",
    "StuckSlot",
    "ToolCall",
    "choose_host",
    "normalised_name",
    "parse_host",
    "recovery_steps",
    "refuse_what_is_lacking",
    "runner_of",
    "same_model",
    "stuck_slot",
    "take_step",
]

_HOMES = {
    "tui.engine": (
        "ChatMessage ChatRequest Chunk Embeddings EngineError ErrorKind FinalCounts Health Host LayerProgress Model"
        " ModelDetails Progress ProgressPhase Retry RunningModel ToolCall"
    ),
    "tui.ollama.address": "choose_host parse_host",
    "tui.ollama.client": "OllamaClient",
    "tui.ollama.credentials": "Credentials",
    "tui.ollama.embeddings": "EmbeddedBatch",
    "tui.ollama.errors": (
        "OllamaConnectionError OllamaError OllamaModelError OllamaResponseError OllamaStreamError OllamaTimeoutError"
    ),
    "tui.ollama.lacking": "refuse_what_is_lacking",
    "tui.ollama.names": "normalised_name same_model",
    "tui.ollama.recovery": "Remedy Step StepTaken recovery_steps take_step",
    "tui.ollama.replies": "Account CloudStatus RecommendedModel",
    "tui.ollama.request_log": "RequestLog",
    "tui.ollama.requests": "CreateRequest EmbedRequest GenerateRequest",
    "tui.ollama.retries": "RetryPolicy",
    "tui.ollama.runners": "runner_of",
    "tui.ollama.slot_leak": "StuckSlot stuck_slot",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
