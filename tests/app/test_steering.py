"""How a model answers in a conversation: presets, options, the system prompt, thinking, the answer's form, prompts."""

from __future__ import annotations

import json
from typing import Any

from tests.app.running import Folders, Running
from tui.demo import DemoServer

THINKER = "thinker:8b"


def last_chat(server: DemoServer) -> dict[str, Any]:
    body = next(one.body for one in reversed(server.received) if one.path == "/api/chat")
    told: dict[str, Any] = json.loads(body)
    return told


async def ready(running: Running) -> None:
    await running.shows("write something")
    await running.until(lambda: running.chat.session.conversation.model, told="a model")


async def answer(running: Running, text: str = "hello") -> None:
    session = running.chat.session
    before = len(session.conversation.messages)
    await running.send(text)
    await running.until(lambda: len(session.conversation.messages) == before + 2, told="an answer")
    await running.answered()


def options(server: DemoServer) -> dict[str, Any]:
    """Without the room that was left for the answer."""
    found = dict(last_chat(server).get("options", {}))
    if found.get("num_predict", 0) > 1000:
        del found["num_predict"]
    return found


async def test_a_preset_holds_for_its_conversation(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", "[generation]\ntemperature = 0.9\ntop_k = 7\n")
    async with folders.start() as running:
        await ready(running)
        await running.send("/preset precise")
        await running.shows("preset precise", "temperature 0.1")
        await answer(running)
        assert options(server) == {"temperature": 0.1, "top_p": 0.5, "seed": 1, "top_k": 7}
        await running.press("ctrl+n")
        await answer(running, "another conversation")
        assert options(server) == {"temperature": 0.9, "top_k": 7}


async def test_a_preset_is_picked_and_put_away(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("/preset")
        await running.shows("Presets", "long_form", "balanced")
        await running.type("creat")
        await running.press("enter")
        await running.until(lambda: running.chat.session.conversation.control.preset == "creative")
        await running.send("/preset off")
        await running.until(lambda: not running.chat.session.conversation.control.preset)


async def test_a_preset_of_ones_own_brings_its_model_and_system_prompt(folders: Folders, server: DemoServer) -> None:
    folders.write("config/presets/terse.toml", f'model = "{THINKER}"\nsystem = "One word."\nthink = false\n')
    async with folders.start() as running:
        await ready(running)
        await running.send("/preset terse")
        await running.until(lambda: running.chat.session.conversation.model == THINKER, told="its model")
        await running.until(lambda: running.chat.session.conversation.control.preset == "terse")
        await answer(running)
        sent = last_chat(server)
        assert sent["messages"][0] == {"role": "system", "content": "One word."}
        assert sent["think"] is False


async def test_a_broken_preset_is_told(folders: Folders, server: DemoServer) -> None:
    folders.write("config/presets/bad.toml", "[options]\ntemperature = 99\n")
    async with folders.start() as running:
        await ready(running)
        await running.shows("bad.toml: line 2: temperature: it needs to be 0 to 5")


async def test_how_a_conversation_answers_is_kept_as_a_preset(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("/option temperature 0.3")
        await running.shows("temperature: 0.3", "from this conversation")
        await running.send("/system be brief")
        await running.send("/preset save mine")
        await running.shows("kept as preset mine")
    async with folders.start() as running:
        await ready(running)
        await running.send("/preset mine")
        await running.until(lambda: running.chat.session.conversation.control.preset == "mine")
        await answer(running)
        assert options(server) == {"temperature": 0.3}
        assert last_chat(server)["messages"][0]["content"] == "be brief"


async def test_what_a_conversation_sets_is_there_after_a_start(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("/option seed 0")
        await running.send("/option stop ###")
        await running.send("/option keep_alive 10m")
        await answer(running)
        assert options(server) == {"seed": 0, "stop": ["###"]}
        assert last_chat(server)["keep_alive"] == "10m"
        conversation_id = running.chat.session.id
    async with folders.start() as running:
        await ready(running)
        kept = await running.workspace.open_session(conversation_id)
        assert dict(kept.conversation.control.options) == {"seed": 0, "stop": ("###",), "keep_alive": "10m"}


async def test_every_option_says_where_it_comes_from(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", "[generation]\ntop_k = 7\n")
    folders.write("config/models.toml", '["tour:8b"]\ntop_p = 0.8\n')
    environ = {"CHINWAG_GENERATION_MIN_P": "0.1"}
    async with folders.start(environ=environ, settings={"generation.repeat_penalty": "1.2"}) as running:
        await ready(running)
        await running.send("/model tour:8b")
        await running.send("/preset precise")
        await running.send("/option temperature 0")
        await running.until(lambda: running.chat.session.conversation.control.options)
        await running.send("/options")
        await running.shows("Options")

        def row(name: str) -> str:
            return next(one for one in running.rows if f" {name} " in one)

        assert "this conversation" in row("temperature")
        assert "preset precise" in row("seed")
        assert "preset precise" in row("top p")
        assert "settings" in row("top k")
        assert "the environment" in row("min p")
        assert "the command line" in row("repeat penalty")
        assert "not set" in row("presence penalty")
        await running.press("escape")
        await running.send("/preset off")
        await running.until(lambda: not running.chat.session.conversation.control.preset)
        await answer(running)
        assert options(server) == {"temperature": 0, "top_p": 0.8, "top_k": 7, "min_p": 0.1, "repeat_penalty": 1.2}


async def test_an_option_is_set_from_the_list(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("/options")
        await running.shows("Options")
        await running.type("seed")
        await running.press("enter")
        await running.shows("For this conversation", "the same seed")
        await running.type("x")
        await running.press("enter")
        await running.shows("it needs to be 0 to")
        await running.press("backspace", "4", "2", "enter")
        await running.until(lambda: running.chat.session.conversation.control.options.get("seed") == 42)


async def test_an_option_is_set_for_the_model(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("/option model temperature 0.4")
        await running.shows("temperature: 0.4", "from models.toml")
        await answer(running)
        assert options(server) == {"temperature": 0.4}
    assert "temperature = 0.4" in (folders.root / "config/models.toml").read_text()


async def test_a_wrong_option_is_said_and_changes_nothing(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("/option temperature 9")
        await running.shows("it needs to be 0 to 5, not")
        await running.send("/option temprature 1")
        await running.shows("there is no option temprature")
        assert not running.chat.session.conversation.control.options


async def test_a_system_prompt_may_have_several_lines(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.type("/system be brief")
        await running.press("ctrl+j")
        await running.type("and kind")
        await running.press("enter")
        await running.until(lambda: running.chat.session.conversation.control.system == "be brief\nand kind")
        await answer(running)
        assert last_chat(server)["messages"][0] == {"role": "system", "content": "be brief\nand kind"}
        await running.type("/system")
        await running.press("enter")
        await running.until(lambda: running.chat.prompt.text == "/system be brief\nand kind", told="it, to be changed")
        running.chat.prompt.load("")
        await running.send("/system off")
        await answer(running)
        assert last_chat(server)["messages"][0]["role"] == "user"


async def test_thinking_is_chosen_for_a_conversation(folders: Folders, server: DemoServer) -> None:
    async with folders.start(model=THINKER) as running:
        await ready(running)
        await running.send("/think off")
        await answer(running)
        assert last_chat(server)["think"] is False
        await running.send("/think high")
        await answer(running)
        assert last_chat(server)["think"] == "high"


async def test_an_answer_is_checked_against_its_schema(folders: Folders, server: DemoServer) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    file = folders.write("person.json", json.dumps(schema))
    async with folders.start(size=(160, 40)) as running:
        await ready(running)
        await running.send(f"/format {file}")
        await running.shows("JSON by person.json")
        await answer(running)
        assert last_chat(server)["format"] == schema
        await running.until(lambda: "person.json" in running.text and "the answer" in running.text, told="a verdict")
        await running.send("/format off")
        await answer(running)
        assert "format" not in last_chat(server)


async def test_a_schema_that_is_none_is_refused(folders: Folders, server: DemoServer) -> None:
    file = folders.write("list.json", "[1]")
    async with folders.start() as running:
        await ready(running)
        await running.send(f"/format {file}")
        await running.shows("a schema is an object")
        await running.send("/format /nowhere/x.json")
        await running.shows("is missing")
        assert running.chat.session.conversation.control.format is None


async def test_the_next_request_is_shown_before_it_goes(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        running.chat.prompt.load("what is this", is_restored=True)
        await running.chat.action_show_request()
        await running.shows("The next request", '"content": "what is this"', "copy as curl")
        await running.press("escape")
        await running.press("enter")
        await running.answered()
        await running.send("/request")
        await running.shows("The request as it was sent", '"truncate": false')


async def test_what_is_shown_is_what_is_sent(folders: Folders, server: DemoServer) -> None:
    async with folders.start() as running:
        await ready(running)
        await running.send("/preset precise")
        await answer(running)
        request = running.chat.session.last_request
        assert request is not None
        assert json.loads(running.workspace.client.written_chat(request).body) == last_chat(server)


async def test_a_prompt_of_ones_own_is_called_by_its_name(folders: Folders, server: DemoServer) -> None:
    folders.write("config/prompts/translate.md", "Translate into {{language}}:\n\n{{input}}")
    folders.write("config/prompts/quit.md", "a built-in command wins")
    async with folders.start() as running:
        await ready(running)
        await running.type("/tran")
        await running.shows("/translate", "Translate into")
        await running.press("tab")
        await running.type("good morning")
        await running.press("enter")
        await running.shows("into the prompt")
        await running.type("Welsh")
        await running.press("enter")
        await running.until(
            lambda: running.chat.prompt.text == "Translate into Welsh:\n\ngood morning", told="the filled prompt"
        )
        await running.press("enter")
        await running.answered()
        assert last_chat(server)["messages"][-1]["content"] == "Translate into Welsh:\n\ngood morning"
