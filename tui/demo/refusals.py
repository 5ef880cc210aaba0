"""The server saying no, in the words of the real one."""

from __future__ import annotations

from typing import Any

from tui.demo.wire import go_json

JSON = "application/json; charset=utf-8"
BARE_JSON = "application/json"
NDJSON = "application/x-ndjson"
OUT_OF_MEMORY = "out of memory"


class Refusal(Exception):
    """An answer with an error status, or one more line when the stream has begun."""

    def __init__(self, status: int, text: str, *, content_type: str = JSON, chunked: bool = False, **more: Any) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text
        self.content_type = content_type
        self.chunked = chunked
        self.more = more

    @property
    def body(self) -> dict[str, Any]:
        return {"error": self.text, **self.more}


def model_not_found(name: str) -> Refusal:
    return Refusal(404, f"model '{name}' not found")


def lacks_capability(name: str, capability: str) -> Refusal:
    """Tools and insert: the real server names the model in full here, and only here."""
    return Refusal(400, f"registry.ollama.ai/library/{name} does not support {capability}")


def not_a_talker(name: str, what: str) -> Refusal:
    """``what``: chat, generate or thinking."""
    return Refusal(400, f'"{name}" does not support {what}')


def from_runner(status: int, message: str, kind: str, *, content_type: str = JSON, **numbers: int) -> Refusal:
    """An error of the program under Ollama, which passes it on as JSON inside the text."""
    inner = {"error": {"code": status, "message": message, "type": kind, **numbers}}
    return Refusal(status, go_json(inner).decode(), content_type=content_type, chunked=content_type == BARE_JSON)


def context_exceeded(prompt_tokens: int, context_tokens: int, *, while_streaming: bool) -> Refusal:
    return from_runner(
        400,
        f"request ({prompt_tokens} tokens) exceeds the available context size ({context_tokens} tokens), "
        "try increasing it",
        "exceed_context_size_error",
        content_type=BARE_JSON if while_streaming else JSON,
        n_prompt_tokens=prompt_tokens,
        n_ctx=context_tokens,
    )


def images_unsupported() -> Refusal:
    message = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
    return from_runner(500, message, "server_error")


def out_of_memory_loading(bytes_wanted: int) -> Refusal:
    return Refusal(
        500,
        "llama-server process has terminated: exit status 1: cudaMalloc failed: out of memory\n"
        f"alloc_tensor_range: failed to allocate CUDA0 buffer of size {bytes_wanted}\n"
        "error loading model: unable to allocate CUDA0 buffer",
    )


def out_of_memory_running() -> Refusal:
    return Refusal(500, "an error was encountered while running the model: cudaMalloc failed: out of memory")


def not_signed_in(*, while_streaming: bool) -> Refusal:
    return Refusal(
        401,
        "unauthorized",
        content_type=NDJSON if while_streaming else JSON,
        signin_url="https://ollama.com/connect?name=chinwag-demo&key=Y2hpbndhZy1kZW1v",
    )
