from __future__ import annotations

import pytest

from tui.chat.silence import is_cloud_name
from tui.ollama.names import is_cloud_name as is_cloud_name_of_the_client


@pytest.mark.parametrize(
    ("name", "is_cloud"),
    [
        ("gpt-oss:120b-cloud", True),
        ("GPT-OSS:120B-Cloud", True),
        ("someone/kimi:cloud", True),
        ("qwen3:8b", False),
        ("cloud", False),
        ("my-cloud", False),
        ("box:8080/team/my-cloud", False),
        ("cloudy:8b", False),
        ("", False),
    ],
)
def test_cloud_models_are_known_by_their_tag_as_the_client_knows_them(name: str, *, is_cloud: bool) -> None:
    assert is_cloud_name(name) is is_cloud
    assert is_cloud_name_of_the_client(name) is is_cloud
