from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.engine import ErrorKind
from tui.ollama.address import parse_host
from tui.ollama.errors import OllamaError, OllamaModelError, OllamaResponseError, OllamaStreamError
from tui.ollama.refusals import Refusal, error_of_refusal, is_refusal, refusal_of_body, refusal_of_value

HOST = parse_host("gpu-box", source="test")


def error(text: str, status: int | None = 500, *, begun: bool = False) -> OllamaError:
    refusal = refusal_of_body(json.dumps({"error": text}).encode(), status=status or 200, headers={})
    return error_of_refusal(refusal, host=HOST, model="qwen3:8b", begun=begun)


@pytest.mark.parametrize(
    "text",
    [
        "CUDA error: out of memory",
        "error: Out Of Device Memory",
        "cudaMalloc failed: x",
        "hipMalloc failed",
        "ggml_gallocr: failed to allocate CUDA0 buffer",
        "tensor allocation failed",
        "not enough memory",
        "insufficient memory",
        "VK_ERROR_OUT_OF_DEVICE_MEMORY",
        "ErrorOutOfDeviceMemory: erroroutofmemory",
        "model requires more system memory (5.5 GiB) than is available (4.0 GiB)",
        "unable to load full model on GPU",
        "memory layout cannot be allocated with num_gpu = 99",
        "llama-server process has terminated: signal: killed",
        "model requires 5.0 GB but only 2.0 GB are available (after 1 GB overhead)",
        "llama-server reported out-of-memory during startup: x",
        '{"error":{"code":500,"message":"Compute error.","type":"server_error"}}\nCUDA error: out of memory',
    ],
)
def test_out_of_memory_is_known_by_the_words_of_every_backend(text: str) -> None:
    found = error(text)
    assert found.kind is ErrorKind.out_of_memory
    assert isinstance(found, OllamaModelError)
    assert found.title == "model qwen3:8b ran out of memory on gpu-box"
    assert error(text, begun=True).kind is ErrorKind.out_of_memory


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("registry.ollama.ai/library/qwen3:8b does not support tools", "model qwen3:8b cannot call tools"),
        ('"qwen3:8b" does not support thinking', "model qwen3:8b cannot think"),
        ('"qwen3:8b" does not support chat', "model qwen3:8b cannot chat"),
        ('"qwen3:8b" does not support generate', "model qwen3:8b cannot write text"),
        ("this model does not support image input", "model qwen3:8b cannot see images"),
        ('think value "high" is not supported for this model', "model qwen3:8b cannot think at this level"),
    ],
)
def test_what_a_model_cannot_do_is_said_plainly(text: str, title: str) -> None:
    found = error(text, 400)
    assert (found.kind, found.title) == (ErrorKind.lacks_capability, title)
    assert found.advice


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("input length (9000 tokens) exceeds the model's maximum context length (8192 tokens)", (9000, 8192)),
        ("the input length exceeds the context length", (None, None)),
        (
            '{"error":{"message":"too long","type":"exceed_context_size_error","n_prompt_tokens":444,"n_ctx":256}}',
            (444, 256),
        ),
    ],
)
def test_a_prompt_that_is_too_long_comes_with_its_numbers(text: str, numbers: tuple[int | None, int | None]) -> None:
    found = error(text, 400)
    assert found.kind is ErrorKind.context_exceeded
    assert (found.prompt_tokens, found.context_tokens) == numbers
    if numbers[0]:
        assert str(numbers[0]) in found.message
        assert str(numbers[1]) in found.message


def test_a_missing_model_names_model_host_and_next_step() -> None:
    found = error("model 'qwen3:8b' not found", 404)
    assert str(found) == (
        "model qwen3:8b is not on gpu-box · model 'qwen3:8b' not found · pull it, or choose another model"
    )
    assert found.status == 404
    assert error('model "qwen3:8b" not found, try pulling it first', 404).kind is ErrorKind.model_missing


@pytest.mark.parametrize(
    ("body", "status", "kind", "word"),
    [
        (b"", 403, ErrorKind.refused, "OLLAMA_HOST"),
        (b"", 500, ErrorKind.refused, "500 internal server error"),
        (b"404 page not found", 404, ErrorKind.refused, "update ollama on gpu-box"),
        (b"<html><head><title>502 Bad Gateway</title></head></html>", 502, ErrorKind.refused, "502 Bad Gateway"),
        (b"<!DOCTYPE html><body>x", 404, ErrorKind.refused, "a web page"),
        (b'{"detail":"Not Found"}', 404, ErrorKind.refused, "404 not found"),
        (b'{"error":{"message":"no such route","type":"x"}}', 404, ErrorKind.refused, "no such route"),
        (b"[1,2]", 400, ErrorKind.refused, "[1,2]"),
        (b'"text"', 400, ErrorKind.refused, "text"),
        (b'{"error":null}', 418, ErrorKind.refused, "418"),
        (b'{"error":"unauthorized"}', 401, ErrorKind.unauthorized, "ollama signin"),
        (b"<html>login</html>", 401, ErrorKind.unauthorized, "whoever runs"),
        (b'{"error":"x","signin_url":"https://ollama.com/c"}', 401, ErrorKind.unauthorized, "https://ollama.com/c"),
        (b'{"error":"server busy, please try again."}', 503, ErrorKind.busy, "gpu-box is busy"),
        (b'{"error":"x"}', 599, ErrorKind.refused, "x"),
        (b"\xff\xfe", 500, ErrorKind.refused, "\ufffd"),
    ],
)
def test_every_shape_of_a_refusal_becomes_a_sentence(body: bytes, status: int, kind: ErrorKind, word: str) -> None:
    found = error_of_refusal(refusal_of_body(body, status=status, headers={}), host=HOST, model="qwen3:8b")
    assert found.kind is kind
    assert found.status == status
    assert word in str(found)
    assert isinstance(found, OllamaResponseError)


def test_a_usage_limit_says_when_to_come_back() -> None:
    refusal = refusal_of_body(b'{"error":"limit"}', status=429, headers={"retry-after": "3600"})
    assert "3600 s" in error_of_refusal(refusal, host=HOST).advice
    odd = refusal_of_body(b'{"error":"limit"}', status=429, headers={"retry-after": "Wed, 21 Oct"})
    assert error_of_refusal(odd, host=HOST).advice == "try again later"


def test_a_go_map_and_a_go_struct_are_read() -> None:
    dump = "llama-server chat error: map[code:500 message:It does not match [x]: y type:server_error]"
    assert refusal_of_value({"error": dump}) == Refusal(
        text="It does not match [x]: y", type="server_error", status=500
    )
    struct = {"StatusCode": 429, "Status": "429 Too Many Requests", "error": "limit"}
    assert refusal_of_value(struct) == Refusal(text="limit", status=429)


def test_an_error_after_the_answer_began_is_a_broken_answer() -> None:
    found = error("model runner has unexpectedly stopped", begun=True)
    assert isinstance(found, OllamaStreamError)
    assert found.kind is ErrorKind.broken_off
    assert found.message == "model runner has unexpectedly stopped"


def test_long_foreign_words_are_cut_to_one_line() -> None:
    found = error("a\n" * 100_000)
    assert len(found.message) <= 300
    assert "\n" not in found.message
    assert len(error_of_refusal(Refusal(text="x"), host=HOST, model="m" * 9000).title) < 200


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"error": "x"}, True),
        ({"error": ""}, True),
        ({"error": None, "done": True}, False),
        ({"error": "", "message": {}}, False),
        ({"error": "x", "message": {"content": "a"}}, True),
        ({"message": {}}, False),
    ],
)
def test_an_object_with_an_error_is_a_refusal(value: dict[str, Any], expected: bool) -> None:
    assert is_refusal(value) is expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "n_ctx", "type", "StatusCode"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(
    JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=60), st.integers(100, 599), st.booleans()
)
def test_any_body_becomes_an_error_that_names_something(body: bytes, status: int, begun: bool) -> None:
    found = error_of_refusal(refusal_of_body(body, status=status, headers={}), host=HOST, model="m", begun=begun)
    assert found.title
    assert found.advice
    assert found.message


def test_an_error_inside_errors_without_end_is_given_up() -> None:
    value: Any = "deep"
    for _ in range(50):
        value = {"error": value}
    assert refusal_of_value(value).text == ""


@pytest.mark.parametrize(
    ("text", "status", "kind", "words"),
    [
        ("invalid model name", 400, ErrorKind.refused, "no name that a model can have"),
        ('use either :local or :cloud, not both: "x:cloud:local"', 400, ErrorKind.refused, "not both"),
        ("model '' not found", 404, ErrorKind.model_missing, "is not on gpu-box"),
        ('"m" does not support generate', 400, ErrorKind.lacks_capability, "cannot write text"),
        ("x/m:1 does not support tools\nx/m:1 does not support insert", 400, ErrorKind.lacks_capability, "call tools"),
        (
            '"m" does not support thinking. Pull the model again to get the latest version with full thinking support',
            400,
            ErrorKind.lacks_capability,
            "pull it again",
        ),
        ("'llama3.2-vision' is no longer compatible with your version", 500, ErrorKind.refused, "cannot be loaded"),
        ("image generation models are not currently supported", 400, ErrorKind.lacks_capability, "paints"),
        ("this model does not support image input (ref: 1)", 400, ErrorKind.lacks_capability, "cannot see images"),
        ("input after truncation exceeds maximum context length", 400, ErrorKind.context_exceeded, "too long"),
        ("embedding contains NaN or Inf values", 400, ErrorKind.refused, "NaN or Inf"),
        ('template: :1:2: executing "" at <.X>', 500, ErrorKind.refused, "the template of model qwen3:8b is broken"),
        ("request canceled", 499, ErrorKind.refused, "request canceled"),
        ("this server cannot run this remote model", 400, ErrorKind.refused, "cannot run this remote model"),
        ("remote model details are unavailable", 403, ErrorKind.refused, "does not use the cloud"),
        ("ollama cloud is disabled: web search is unavailable", 403, ErrorKind.refused, "does not use the cloud"),
        ("raw mode does not support template, system, or context", 400, ErrorKind.refused, "correct the options"),
        ("top_logprobs must be between 0 and 20", 400, ErrorKind.refused, "correct the options"),
        ("Unsupported type: 'bool'", 400, ErrorKind.refused, "correct the options"),
        ("no slots available after 10 retries", 500, ErrorKind.refused, "gave no answer"),
        ("mlx runner exited unexpectedly: x", 500, ErrorKind.refused, "gave no answer"),
        ("model requires 9 GiB but only 4 GiB are available", 500, ErrorKind.out_of_memory, "ran out of memory"),
    ],
)
def test_the_rarer_refusals_have_words_of_their_own(text: str, status: int, kind: ErrorKind, words: str) -> None:
    found = error(text, status)
    assert found.kind is kind
    assert words in str(found)
    assert found.advice
