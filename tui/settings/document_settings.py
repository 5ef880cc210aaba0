"""The settings of the documents that go along with a prompt."""

from __future__ import annotations

from tui.settings.setting import Setting

DOCUMENT_SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="documents.model",
        kind="text",
        default="",
        help="the model that makes vectors of documents and questions; empty: the newest one of the server that can",
    ),
    Setting(
        name="documents.top_k",
        kind="integer",
        default=6,
        minimum=1,
        maximum=50,
        unit="passages",
        help="how many passages of the documents go along with a prompt at most",
    ),
    Setting(
        name="documents.threshold",
        kind="number",
        default=0.3,
        minimum=-1,
        maximum=1,
        help="how near to the prompt a passage has to be, as the cosine of their vectors; what is near differs by model",
    ),
    Setting(
        name="documents.budget_tokens",
        kind="integer",
        default=2000,
        minimum=50,
        maximum=1_000_000,
        unit="tokens",
        help="how long all passages of a prompt are together at most, estimated; never more than the window has room for",
    ),
)
