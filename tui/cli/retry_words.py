"""What a person at a command line is told of a request that is sent again."""

from __future__ import annotations

from tui.engine import Host, Retry
from tui.metrics.wording import seconds_text


def retry_words(host: Host, retry: Retry) -> str:
    """Foreign words included: to be cleaned by whoever shows it."""
    why = retry.error.message or retry.error.title
    again = f"again in {seconds_text(retry.wait_seconds)}, {retry.attempt} of {retry.attempts}"
    return f"{retry.request} on {host.name}: {why}; {again}"
