"""A request written out for a person: as JSON to read, and as a command line that sends the same. Holds no secrets."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_OBEYED_OR_HIDDEN = re.compile(
    "[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""What stays an escape: what UTF-8 cannot carry, and what a terminal would obey or hide."""
_END = "CHINWAG"
"""No line of JSON is this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRequest:
    method: str
    url: str
    body: str
    """JSON with line ends, two spaces deep."""
    secret_headers: tuple[str, ...] = ()
    """Names of headers whose values are secret, in lower case."""

    @property
    def curl(self) -> str:
        """For a POSIX shell. A key stands in it as ``$CHINWAG_API_KEY``, another header's value as ``$CHINWAG_<NAME>``."""
        headers = ["-H 'Content-Type: application/json'", *(_secret(name) for name in self.secret_headers)]
        return (
            f"curl -sS -N -X {self.method} {shlex.quote(self.url)} \\\n"
            + "".join(f"  {header} \\\n" for header in headers)
            + f"  --data-binary @- <<'{_END}'\n{self.body}\n{_END}\n"
        )


def written_request(url: str, body: Mapping[str, Any], *, secret_headers: Iterable[str] = ()) -> WrittenRequest:
    """Raises ``ValueError`` or ``TypeError`` for what cannot be sent."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, indent=2, default=dict)
    escaped = _OBEYED_OR_HIDDEN.sub(lambda found: json.dumps(found.group())[1:-1], text)
    return WrittenRequest(method="POST", url=url, body=escaped, secret_headers=tuple(secret_headers))


def _secret(name: str) -> str:
    if name == "authorization":
        return '-H "Authorization: Bearer $CHINWAG_API_KEY"'
    variable = re.sub(r"[^A-Z0-9]", "_", name.upper())
    return f'-H "{name}: $CHINWAG_{variable}"'
