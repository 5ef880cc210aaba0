"""Servers from inside the program: which there are, how they are, going to another, and starting the one here."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.app.running import SLOW, UNHURRIED, Folders, Running, served
from tests.ollama.fake_ollama import install
from tests.ollama.test_gpu import Nvml
from tui.app.screens.chat_servers import status_words
from tui.app.screens.connect import ConnectScreen
from tui.app.screens.servers import ServersScreen
from tui.app.widgets.rows import RowList
from tui.app.widgets.text_rows import TextRows
from tui.chat.servers import Servers, look_at
from tui.conversations.control import Control
from tui.demo import Answer, DemoModel, DemoServer, Prompt
from tui.engine import EngineError, ErrorKind, Health, Host, RunningModel
from tui.failures import Failure
from tui.ollama.gpu import Gpu, Machine, MachineReader
from tui.settings.hosts import read_hosts
from tui.settings.load import load_settings


@pytest.fixture
async def other() -> AsyncIterator[DemoServer]:
    async with DemoServer(speed=0) as server:
        yield server


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def written_down(folders: Folders, **hosts: str) -> None:
    text = "".join(f'[{name}]\naddress = "{address}"\n' for name, address in hosts.items())
    folders.write("config/hosts.toml", text)


async def open_servers(chinwag: Running) -> None:
    await chinwag.shows("Ask ")
    await chinwag.press("alt+s")
    await chinwag.until(lambda: isinstance(chinwag.app.screen, ServersScreen), told="the servers")


async def mark(chinwag: Running, name: str) -> None:
    await chinwag.type(name)
    await chinwag.until(lambda: len(chinwag.app.screen.query_one(RowList).rows) == 1, told=f"only {name}")


async def test_each_server_with_its_health_and_what_it_has_in_memory(folders: Folders, other: DemoServer) -> None:
    written_down(folders, box=folders.url, attic=other.url, cellar="http://127.0.0.1:1")
    async with folders.start() as chinwag:
        await chinwag.shows("· box", "Ask tour:8b")
        await chinwag.send("hello")
        await chinwag.answered()
        await open_servers(chinwag)
        await chinwag.shows("4 servers · 2 up", "1 loaded", "nothing loaded", "no answer", "0.33.0")
        await chinwag.shows("tour:8b", "on the gpu · context 8k · 4 min left")
        await mark(chinwag, "cellar")
        await chinwag.shows("nothing listens there")


async def test_one_key_goes_to_another_and_the_next_start_is_there(folders: Folders, other: DemoServer) -> None:
    written_down(folders, box=folders.url, attic=other.url)
    async with folders.start() as chinwag:
        await open_servers(chinwag)
        await mark(chinwag, "attic")
        await chinwag.press("enter")
        await chinwag.shows("· attic")
        await chinwag.until(
            lambda: chinwag.workspace.loaded.in_file.get("server.host") == other.url, told="it kept for the next start"
        )
        await chinwag.send("/server box")
        await chinwag.shows("· box")
    folders.url = ""
    async with folders.start(host="ATTIC") as chinwag:
        await chinwag.shows("· attic", "Ask tour:8b")


async def test_a_server_is_written_down_changed_struck_out_and_brought_back(
    folders: Folders, other: DemoServer
) -> None:
    file = folders.root / "config" / "hosts.toml"
    async with folders.start() as chinwag:
        await open_servers(chinwag)
        await chinwag.press("alt+a")
        await chinwag.shows("Add a server")
        await chinwag.press("enter")
        await chinwag.shows("is no name for a server")
        await chinwag.type("attic")
        await chinwag.press("tab")
        await chinwag.type(other.url)
        await chinwag.press("tab", "tab", "tab")
        await chinwag.type("lots")
        await chinwag.press("enter")
        await chinwag.shows("lots is no number of GB")
        await chinwag.press("ctrl+u")
        await chinwag.type("24")
        await chinwag.press("enter")
        await chinwag.shows("attic is written down")
        (host,) = read_hosts(file).hosts
        assert (host.name, host.address, host.memory_bytes) == ("attic", other.url, 24_000_000_000)
        await chinwag.until(lambda: chinwag.app.screen.query_one(RowList).marked == other.url, told="it marked")
        await chinwag.press("alt+e")
        await chinwag.shows("Change attic")
        await chinwag.press("ctrl+u")
        await chinwag.type("loft")
        await chinwag.press("enter")
        await chinwag.shows("loft is written down")
        assert [one.name for one in read_hosts(file).hosts] == ["loft"]
        await chinwag.press("alt+d")
        await chinwag.shows("removed loft")
        assert not read_hosts(file).hosts
        await chinwag.press("ctrl+underscore")
        await chinwag.shows("loft is back")
        assert read_hosts(file).hosts[0].memory_bytes == 24_000_000_000


async def test_a_server_that_is_not_written_down_cannot_be_removed_and_that_is_said(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await open_servers(chinwag)
        await chinwag.press("alt+d")
        await chinwag.shows("it is not written down, so there is nothing to remove")
        assert not (folders.root / "config" / "hosts.toml").exists()


async def test_where_a_key_can_stand_is_told_in_a_small_window_too(folders: Folders) -> None:
    async with folders.start(size=(80, 24)) as chinwag:
        await open_servers(chinwag)
        await chinwag.press("alt+a")
        await chinwag.shows("Add a server")
        told = chinwag.app.screen.query_one(TextRows).text.replace("\n", " ")
        assert 'api_key = "…" under [name] in /' in told


async def test_a_broken_file_of_servers_is_said_and_stays(folders: Folders) -> None:
    file = folders.write("config/hosts.toml", "[box\n")
    async with folders.start() as chinwag:
        await chinwag.shows("hosts.toml is not TOML")
        await open_servers(chinwag)
        await chinwag.press("alt+e")
        await chinwag.shows("Name this server")
        await chinwag.type("box")
        await chinwag.press("enter")
        await chinwag.shows("is not TOML")
    assert file.read_text(encoding="utf-8") == "[box\n"


async def test_a_key_goes_to_its_server_and_to_no_other(
    folders: Folders, server: DemoServer, other: DemoServer
) -> None:
    folders.write(
        "config/hosts.toml",
        f'[box]\naddress = "{folders.url}"\napi_key_variable = "BOX_KEY"\n[attic]\naddress = "{other.url}"\n',
    )
    async with folders.start(environ={"BOX_KEY": "sk-1"}) as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("/server attic")
        await chinwag.shows("· attic")
        await chinwag.until(lambda: other.received, told="a request")
    assert {one.headers.get("authorization") for one in server.received} == {"Bearer sk-1"}
    assert not any("authorization" in one.headers for one in other.received)


async def test_a_look_at_a_server_whose_key_is_not_there_says_which(folders: Folders) -> None:
    folders.write("config/hosts.toml", '[attic]\naddress = "127.0.0.1:1"\napi_key_variable = "ATTIC_KEY"\n')
    async with folders.start() as chinwag:
        await open_servers(chinwag)
        await mark(chinwag, "attic")
        await chinwag.shows("no key", "ATTIC_KEY is not set")


async def test_a_key_that_is_not_there_is_said(folders: Folders) -> None:
    folders.write("config/hosts.toml", f'[box]\naddress = "{folders.url}"\napi_key_variable = "BOX_KEY"\n')
    async with folders.start() as chinwag:
        await chinwag.shows("BOX_KEY is not set")


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (200, 50)])
async def test_the_servers_fit_every_window(folders: Folders, size: tuple[int, int]) -> None:
    written_down(folders, box=folders.url)
    async with folders.start(size=size) as chinwag:
        await open_servers(chinwag)
        await chinwag.shows("box", "nothing loaded", "enter go there")


# The GPU of this machine


async def test_the_gpu_is_on_the_servers_screen_and_goes_where_there_is_none(folders: Folders) -> None:
    driver = Nvml()
    async with folders.start() as chinwag:
        chinwag.workspace.machine = MachineReader(nvml=lambda: driver)
        await open_servers(chinwag)
        await chinwag.shows("NVIDIA H200", "87 % busy · 61 °C · 312 W · 2.1 of 25.8 GB in use", "NVIDIA L4")
        driver.is_gone = True
        await chinwag.press("alt+r")
        await chinwag.hides("NVIDIA")


@UNHURRIED
async def test_the_gpu_is_in_the_status_line_while_an_answer_comes(folders: Folders) -> None:
    folders.write("config/settings.toml", "[appearance]\nshows_gpu = true\n")
    async with folders.start(model=SLOW, size=(160, 40)) as chinwag:
        chinwag.workspace.machine = MachineReader(nvml=Nvml)
        await chinwag.send("hello")
        await chinwag.shows("gpu  87 % 4.3 of 52 GB")
        await chinwag.press("escape")
        await chinwag.hides("gpu  87 %")


async def test_without_a_gpu_the_status_line_has_no_place_for_it() -> None:
    assert status_words(Machine()) is None
    assert status_words(Machine(gpus=(Gpu(name="card0", total_bytes=16_000_000_000),))) == "gpu 0.0 of 16 GB"


# Starting the one of this machine


async def test_an_ollama_that_is_installed_is_offered_started_and_stopped(
    folders: Folders, tmp_path: Path, free_port: int
) -> None:
    install(tmp_path / "bin")
    folders.url = f"http://127.0.0.1:{free_port}"
    environ = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    async with folders.start(environ=environ) as chinwag:
        await chinwag.shows("› enter  start ollama here", "take a look with the demo")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("enter")
        await chinwag.shows("Ask tour:8b")
        local = chinwag.workspace.servers.local
        assert local is not None
        assert local.is_running
        assert any("Listening on" in line for line in local.log)
        await chinwag.app.leave()
        assert not local.is_running


async def test_one_that_does_not_come_up_says_why(folders: Folders, tmp_path: Path, free_port: int) -> None:
    install(tmp_path / "bin", mode="busy")
    folders.url = f"http://127.0.0.1:{free_port}"
    environ = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    async with folders.start(environ=environ) as chinwag:
        await chinwag.shows("start ollama here")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("s")
        await chinwag.shows("ollama ended with exit code 1", "address already in use", "level=INFO")


async def test_it_starts_by_itself_where_that_is_wanted(folders: Folders, tmp_path: Path, free_port: int) -> None:
    program = install(tmp_path / "bin")
    folders.write(
        "config/settings.toml",
        f'[server]\nstarts_ollama = true\nollama_program = "{program}"\nollama_environment = "OLLAMA_NUM_PARALLEL=3"\n',
    )
    folders.url = f"http://127.0.0.1:{free_port}"
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        local = chinwag.workspace.servers.local
        assert local is not None
        assert any("PARALLEL=3" in line for line in local.log)


async def test_a_server_that_was_there_is_left_alone(folders: Folders, tmp_path: Path) -> None:
    install(tmp_path / "bin")
    folders.write("config/settings.toml", "[server]\nstarts_ollama = true\n")
    async with folders.start(environ={"PATH": str(tmp_path / "bin")}) as chinwag:
        await chinwag.shows("Ask tour:8b")
        assert chinwag.workspace.servers.local is None


async def test_without_an_ollama_nothing_is_offered_and_s_is_a_letter(folders: Folders, free_port: int) -> None:
    folders.url = f"http://127.0.0.1:{free_port}"
    async with folders.start() as chinwag:
        await chinwag.until(lambda: isinstance(chinwag.app.screen, ConnectScreen), told="Connect")
        await chinwag.shows("take a look with the demo")
        await chinwag.until(lambda: "start ollama here" not in chinwag.text)
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("s")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "s", told="the letter in the prompt")


# Manners and loading early


async def test_another_context_than_the_loaded_one_is_asked_about(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", "[generation]\ncontext_tokens = 2048\n")
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.workspace.client.load_model("tour:8b")
        await chinwag.type("hello")
        await chinwag.press("enter")
        await chinwag.shows("tour:8b is loaded with a context of 8k", "asks for 2k", "› do not send")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "hello", told="the prompt given back")
        await chinwag.press("enter")
        await chinwag.shows("use its 8k from here on")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("down", "enter")
        await chinwag.until(lambda: chinwag.chat.session.conversation.messages, told="the prompt sent")
        await chinwag.answered()
        chats = [json.loads(one.body) for one in server.received if one.path == "/api/chat"]
        assert chats[-1]["options"]["num_ctx"] == 8192
        # Whoever wants another one after that gets it.
        own = Control(options={"context_tokens": 1024})
        assert chinwag.workspace.planner.generation("tour:8b", own).options["num_ctx"] == 1024
        await chinwag.workspace.change_setting("generation.context_tokens", 4096)
        assert chinwag.workspace.planner.generation("tour:8b").options["num_ctx"] == 4096


async def test_what_was_agreed_to_or_is_ones_own_is_not_asked_about(folders: Folders) -> None:
    folders.write("config/settings.toml", "[generation]\ncontext_tokens = 2048\n")
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.workspace.client.load_model("tour:8b")
        await chinwag.type("hello")
        await chinwag.press("enter")
        await chinwag.shows("send all the same")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("down", "down", "enter")
        await chinwag.until(lambda: chinwag.chat.session.conversation.messages, told="the prompt sent")
        await chinwag.answered()
        await chinwag.until(lambda: chinwag.chat._own_models, told="whose model it is")
        await chinwag.workspace.change_setting("generation.context_tokens", 4096)
        await chinwag.send("again")
        await chinwag.until(lambda: len(chinwag.chat.session.conversation.messages) == 4, told="the next answer")
        await chinwag.answered()


async def test_no_room_beside_another_model_is_asked_about(tmp_path: Path) -> None:
    def hm(_prompt: Prompt) -> Answer:
        return Answer(text="hm")

    models = [
        DemoModel(name="big:70b", script=hm, size_bytes=20_000_000_000, age=timedelta(days=1)),
        DemoModel(name="small:8b", script=hm, size_bytes=5_000_000_000),
    ]
    async with served(tmp_path, models=models) as (folders, _):
        folders.write("config/hosts.toml", f'[box]\naddress = "{folders.url}"\nmemory_bytes = 24_000_000_000\n')
        async with folders.start(model="small:8b") as chinwag:
            await chinwag.shows("Ask small:8b")
            await chinwag.workspace.client.load_model("big:70b")
            await chinwag.type("hello")
            await chinwag.press("enter")
            await chinwag.shows("there may be no room for small:8b beside big:70b", "ask big:70b instead")
            chinwag.clock.ahead_seconds += 1
            await chinwag.press("down", "enter")
            await chinwag.until(lambda: chinwag.chat.session.conversation.messages, told="the prompt sent")
            await chinwag.answered()
            assert chinwag.chat.session.conversation.messages[-1].model == "big:70b"


async def test_a_chosen_model_is_loaded_at_once_with_what_the_chat_will_send(
    folders: Folders, server: DemoServer
) -> None:
    folders.write(
        "config/settings.toml",
        "[chat]\nloads_chosen_model = true\n[generation]\ncontext_tokens = 4096\ntemperature = 0\n",
    )
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        await chinwag.send("/model thinker:8b")
        await chinwag.shows("thinker:8b loaded")
        await chinwag.send("hello")
        await chinwag.answered()
    bodies = [json.loads(one.body) for one in server.received if one.path == "/api/chat"]
    loading, asking = bodies
    assert loading["messages"] == []
    assert loading["options"] == {"num_ctx": 4096}
    assert asking["options"]["num_ctx"] == 4096


async def test_a_model_is_loaded_with_what_the_conversation_itself_wants(folders: Folders, server: DemoServer) -> None:
    folders.write("config/settings.toml", "[chat]\nloads_chosen_model = true\n[generation]\ncontext_tokens = 4096\n")
    async with folders.start() as chinwag:
        await chinwag.shows("Ask tour:8b")
        chinwag.chat.session.use_control(Control(options={"context_tokens": 2048}))
        await chinwag.send("/model thinker:8b")
        await chinwag.shows("thinker:8b loaded")
        await chinwag.chat.model_work().keep("thinker:8b")
        await chinwag.send("hello")
        await chinwag.answered()
    bodies = [json.loads(one.body) for one in server.received if one.path == "/api/chat"]
    assert [body["options"]["num_ctx"] for body in bodies] == [2048] * 3


async def test_another_choice_ends_the_loading_of_the_first(tmp_path: Path) -> None:
    gate = asyncio.Event()
    loads = 0

    async def sleep(seconds: float) -> None:
        nonlocal loads
        if seconds == 7.0:
            loads += 1
            await gate.wait()
        await asyncio.sleep(0)

    async with served(tmp_path, speed=1, sleep=sleep) as (folders, server):
        folders.write("config/settings.toml", "[chat]\nloads_chosen_model = true\n")
        async with folders.start() as chinwag:
            await chinwag.shows("Ask tour:8b")
            await chinwag.send("/model slow:70b")
            await chinwag.until(lambda: loads == 1, told="it loading")
            await chinwag.send("/model fast:1b")
            await chinwag.shows("fast:1b loaded")
            await chinwag.until(lambda: server.hang_ups == 1, told="the first request gone")
            assert [one.name for one in chinwag.workspace.catalog.running] == ["fast:1b"]
        gate.set()


# The core, without a screen


class Sick:
    host = Host(url="http://box:11434", name="box")

    def __init__(self, *, health: EngineError | None = None, running: EngineError | None = None) -> None:
        self._health, self._running = health, running

    async def health_check(self) -> Health:
        if self._health is not None:
            raise self._health
        return Health(version="0.33.0", answered_in_seconds=0.002)

    async def list_running(self) -> tuple[RunningModel, ...]:
        if self._running is not None:
            raise self._running
        return ()


async def test_a_look_never_fails() -> None:
    down = EngineError("no answer", "refused", kind=ErrorKind.unreachable)
    assert (await look_at(Sick(health=down))).failure is down
    look = await look_at(Sick(running=down))
    assert look.health is not None
    assert (look.running, look.failure) == ((), None)


def servers(tmp_path: Path, *, is_kept: bool = True, **environ: str) -> Servers:
    settings = load_settings(tmp_path / "settings.toml", {}, {}).settings.server
    return Servers(
        hosts_file=tmp_path / "hosts.toml",
        secrets_file=tmp_path / "secrets.toml",
        environ=environ,
        settings=lambda: settings,
        is_kept=is_kept,
    )


async def test_a_start_that_keeps_nothing_writes_no_server_down(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="nothing is kept"):
        await servers(tmp_path, is_kept=False).change(read_hosts)


def test_whose_word_counts_for_the_server(tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").write_text('[box]\naddress = "10.0.0.5:8080"\n', encoding="utf-8")
    found = servers(tmp_path, OLLAMA_HOST="10.0.0.5:8080")
    assert found.choose("elsewhere", "box").url == "http://elsewhere:11434"
    assert (found.choose(None, "Box").url, found.choose(None, "box").source) == ("http://10.0.0.5:8080", "chosen")
    assert (found.choose(None, "").name, found.choose(None, "").source) == ("box", "OLLAMA_HOST")
    assert found.choose("10.0.0.5:8080", "").name == "box"


async def test_no_program_is_said_by_its_name(tmp_path: Path) -> None:
    found = servers(tmp_path, PATH=str(tmp_path))
    host = found.choose(None, "")
    assert not found.can_start(host)
    with pytest.raises(Failure, match="there is no program ollama"):
        await found.start_local(host)
    await found.close()


async def test_a_request_that_does_not_arrive_is_sent_again_and_that_is_said(
    folders: Folders, server: DemoServer
) -> None:
    folders.write(
        "config/settings.toml", "[server]\nattempts = 20\nretry_base_seconds = 0.05\nretry_cap_seconds = 1.0\n"
    )
    async with folders.start(model="tour:8b") as chinwag:
        await chinwag.shows("Ask tour:8b")
        await server.close()
        await chinwag.send("hello")
        await chinwag.shows("tour:8b: nothing listens there", "again in")
        await server.start()
        await chinwag.answered()
        await chinwag.shows("Hello, and welcome.")
