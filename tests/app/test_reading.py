"""Finding, links, what is folded, and whose the mouse is."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.app.reading_server import CODE_ANSWER, READER
from tests.app.running import SLOW, TERMINAL, UNHURRIED, Folders, Running
from tui.app.screens.links import LinkPicker
from tui.app.screens.question import Question
from tui.app.terminal.browser import Browser, doubt_about, is_openable
from tui.app.transcript.links import Link
from tui.app.widgets.find_bar import FindInput
from tui.app.widgets.prompt_area import PromptArea
from tui.demo import DemoServer
from tui.environment import read_environment

SSH = {**TERMINAL, "SSH_TTY": "/dev/pts/7"}


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[DemoServer]:
    async with DemoServer(models=[READER], speed=getattr(request, "param", 0.0), accept_scripts=True) as demo:
        yield demo


async def asked(chinwag: Running, *prompts: str) -> None:
    await chinwag.shows("Ask reader:1b")
    for number, prompt in enumerate(prompts, start=1):
        await chinwag.send(prompt)
        await chinwag.until(
            lambda count=2 * number: len(chinwag.chat.session.conversation.messages) == count,  # type: ignore[misc]
            told="the answer",
        )
        await chinwag.answered()


# Find


async def test_the_find_key_opens_the_bar_and_words_are_gone_to(folders: Folders) -> None:
    async with folders.start(size=(80, 24)) as chinwag:
        await asked(chinwag, "many")
        await chinwag.press("ctrl+f")
        await chinwag.type("needle")
        await chinwag.shows("find  needle", "of 60", "enter next")
        before = chinwag.chat.transcript.find_state.current
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.transcript.find_state.current == before % 60 + 1, told="the next")
        await chinwag.press("up")
        await chinwag.until(lambda: chinwag.chat.transcript.find_state.current == before, told="the one before")
        await chinwag.press("escape")
        await chinwag.hides("enter next")
        assert chinwag.chat.transcript.find_state.count == 0
        await chinwag.type("on with it")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "on with it", told="the prompt has the keys again")


async def test_the_find_key_in_the_bar_begins_anew(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await asked(chinwag, "many")
        await chinwag.press("ctrl+f", *"needle", "ctrl+f", *"paragraph")
        await chinwag.until(lambda: chinwag.chat.find_bar.text == "paragraph", told="the other word alone")
        await chinwag.shows("of 60")
        await chinwag.press("escape", "ctrl+f", "7")
        await chinwag.until(lambda: chinwag.chat.find_bar.text == "7", told="what was there is replaced")


async def test_what_is_being_written_stays_while_something_is_looked_for(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await asked(chinwag, "many")
        await chinwag.type("half a thought")
        await chinwag.press("ctrl+f", *"needle", "enter", "escape")
        await chinwag.type(" more")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "half a thought more", told="both halves")


@UNHURRIED
async def test_escape_in_the_prompt_closes_the_bar_before_it_stops_the_answer(folders: Folders) -> None:
    async with folders.start(model=SLOW) as chinwag:
        await chinwag.send("go on for long")
        await chinwag.shows("● answering")
        for key in ("escape", "ctrl+c"):
            await chinwag.press("ctrl+f")
            await chinwag.until(lambda: isinstance(chinwag.chat.focused, FindInput), told="the bar")
            await chinwag.pilot.click("Prompt")
            await chinwag.until(lambda: chinwag.chat.prompt.is_active, told="the prompt")
            await chinwag.press(key)
            await chinwag.until(lambda: not chinwag.chat.find_bar.is_open, told="no bar")
            assert chinwag.chat.session.is_answering
        await chinwag.press("escape")
        await chinwag.shows("■ stopped")


async def test_finding_from_the_palette_and_by_its_command(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await asked(chinwag, "many")
        await chinwag.press("ctrl+p", *"find in", "enter")
        await chinwag.until(lambda: isinstance(chinwag.chat.focused, FindInput), told="the bar has the keys")
        await chinwag.type("needle")
        await chinwag.shows("of 60")
        await chinwag.press("f1")
        await chinwag.shows("Keys")
        await chinwag.press("escape")
        await chinwag.until(lambda: isinstance(chinwag.chat.focused, FindInput), told="the keys go back to the bar")
        await chinwag.press("escape")
        await chinwag.send("/find paragraph 7")
        await chinwag.shows("find  paragraph 7", "1 of 1")


async def test_what_comes_while_one_looks_is_found_too(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await asked(chinwag, "hello")
        await chinwag.press("ctrl+f", *"needle")
        await chinwag.shows("nothing found")
        await chinwag.pilot.click("Prompt")
        await chinwag.send("many")
        await chinwag.answered()
        await chinwag.until(lambda: chinwag.chat.transcript.find_state.count == 60, told="all of them")
        await chinwag.shows("of 60")


async def test_a_letter_typed_at_the_transcript_goes_to_the_prompt(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await asked(chinwag, "hello")
        chinwag.chat.transcript.focus()
        await chinwag.until(lambda: chinwag.chat.transcript.has_focus, told="the transcript has the keys")
        await chinwag.type("so it is")
        await chinwag.until(lambda: chinwag.chat.prompt.text == "so it is", told="every letter, in order")
        await chinwag.pilot.click("Transcript", offset=(40, 10))
        assert isinstance(chinwag.chat.focused, PromptArea)


# Links


@pytest.mark.parametrize(
    ("address", "openable"),
    [
        ("https://example.com/a?b=c#d", True),
        ("HTTP://example.com", True),
        ("mailto:a@b.c", True),
        ("ssh://evil/-oProxyCommand=x", False),
        ("file:///etc/passwd", False),
        ("javascript:alert(1)", False),
        ("https:", False),
        ("https:///nowhere", False),
        ("https://[::1", False),
        ("https://a.b/with a blank", False),
        ("https://a.b/\x1b]52;c;AA\x07", False),
        ("https://a.b/\u202egpj.exe", False),
        ("-https://a.b", False),
        ("https://a.b/" + "x" * 5000, False),
    ],
)
def test_which_addresses_may_leave(address: str, openable: bool) -> None:
    assert is_openable(address) is openable


@pytest.mark.parametrize(
    ("address", "label", "words"),
    [
        ("https://example.com/", "the docs", ""),
        ("https://docs.example.com/", "https://example.com", ""),
        ("https://example.com/", "www.example.com", ""),
        ("https://bank.com@evil.example/", "", "evil.example"),
        ("https://xn--pypal-4ve.com/", "", "letters"),
        ("https://раypal.com/", "", "letters"),
        ("https://evil.example/", "https://bank.com/login", "bank.com"),
        ("mailto:a@b.c", "", ""),
    ],
)
def test_what_is_not_what_it_looks_like_is_noticed(address: str, label: str, words: str) -> None:
    doubt = doubt_about(address, label)
    assert bool(doubt) == bool(words)
    assert words in doubt


def a_browser(folder: Path, script: str = 'printf "%s\\n" "$#" "$@" > "$OUT"', *, exit_code: int = 0) -> dict[str, str]:
    """An environment with a program that opens links and leaves its arguments in ``out``."""
    program = folder / "bin" / "xdg-open"
    program.parent.mkdir(exist_ok=True, parents=True)
    program.write_text(f"#!{shutil.which('sh')}\nOUT={folder}/out\n{script}\nexit {exit_code}\n")
    program.chmod(0o700)
    return {"PATH": str(program.parent), "DISPLAY": ":7"}


async def test_an_address_is_one_argument_and_no_shell_reads_it(tmp_path: Path) -> None:
    environ = a_browser(tmp_path)
    browser = Browser(environment=read_environment(TERMINAL, platform="linux"), environ=environ, platform="linux")
    address = "https://example.com/$(touch${IFS}x);`id`&&true|cat>y'\"*"
    assert await browser.open(address)
    assert (tmp_path / "out").read_text() == f"1\n{address}\n"
    with pytest.raises(ValueError, match="file:"):
        await browser.open("file:///etc/passwd")


async def test_a_browser_that_stays_is_not_waited_for_and_one_that_fails_is_told(tmp_path: Path) -> None:
    environment = read_environment(TERMINAL, platform="linux")
    failing = Browser(environment=environment, environ=a_browser(tmp_path, exit_code=3), platform="linux")
    assert not await failing.open("https://example.com")
    staying = a_browser(tmp_path, "exec /bin/sleep 0.4")
    browser = Browser(environment=environment, environ=staying, platform="linux", start_patience_seconds=0.01)
    assert await browser.open("https://example.com")


@pytest.mark.parametrize(
    ("terminal", "environ", "words"),
    [
        (SSH, {"DISPLAY": ":7"}, "over ssh"),
        (TERMINAL, {}, "no browser found"),
        (TERMINAL, {"DISPLAY": ":7"}, ""),
        (TERMINAL, {"WAYLAND_DISPLAY": "wayland-0"}, ""),
    ],
)
def test_where_links_are_opened(tmp_path: Path, terminal: dict[str, str], environ: dict[str, str], words: str) -> None:
    path = a_browser(tmp_path)["PATH"]
    browser = Browser(
        environment=read_environment(terminal, platform="linux"), environ={"PATH": path, **environ}, platform="linux"
    )
    assert bool(browser.reason_not_to) == bool(words)
    assert words in browser.reason_not_to


async def test_the_links_of_an_answer_by_key(folders: Folders, tmp_path: Path) -> None:
    async with folders.start(size=(80, 24), environ=a_browser(tmp_path)) as chinwag:
        await asked(chinwag, "hello")
        await chinwag.press("alt+l")
        await chinwag.shows("no answer here has a link")
        await asked_again(chinwag, "code")
        await chinwag.press("alt+l")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, LinkPicker), told="the links")
        await chinwag.shows("the needle  https://example.com/first?a=b", "https://example.org/second", "alt+c copy")
        await chinwag.until(lambda: "links  " not in chinwag.text)
        await chinwag.press("down", "enter")
        await chinwag.shows("https://example.org/second is opened in the browser")
        assert (tmp_path / "out").read_text() == "1\nhttps://example.org/second\n"
        await chinwag.press("alt+l")
        await chinwag.until(lambda: isinstance(chinwag.app.screen, LinkPicker), told="the links")
        await chinwag.press("alt+c")
        await chinwag.shows("the link sent to the terminal's clipboard")
        assert chinwag.app.clipboard == "https://example.com/first?a=b"
        await chinwag.send("/links 3")
        await chinwag.shows("mailto:someone@example.com is opened")
        await chinwag.send("/links 9")
        await chinwag.shows("there is no link 9")


async def asked_again(chinwag: Running, prompt: str) -> None:
    before = len(chinwag.chat.session.conversation.messages)
    await chinwag.send(prompt)
    await chinwag.until(lambda: len(chinwag.chat.session.conversation.messages) == before + 2, told="one more")
    await chinwag.answered()


async def test_over_ssh_a_link_is_sent_instead_of_opened(folders: Folders, tmp_path: Path) -> None:
    async with folders.start(environ=a_browser(tmp_path), terminal=SSH) as chinwag:
        await asked(chinwag, "code")
        await chinwag.press("alt+l")
        await chinwag.shows("enter copy · not opened over ssh")
        await chinwag.press("enter")
        await chinwag.shows("the link sent to the terminal's clipboard · not opened over ssh")
        assert chinwag.app.clipboard == "https://example.com/first?a=b"
        assert not (tmp_path / "out").exists()


async def test_a_click_on_a_link_opens_it(folders: Folders, tmp_path: Path) -> None:
    async with folders.start(environ=a_browser(tmp_path)) as chinwag:
        await asked(chinwag, "code")
        row = next(number for number, text in enumerate(chinwag.rows) if "the needle" in text)
        column = chinwag.rows[row].index("the needle")
        await chinwag.pilot.click(offset=(column + 2, row))
        await chinwag.shows("https://example.com/first?a=b is opened in the browser")


async def test_a_link_that_looks_like_another_is_asked_about(folders: Folders, tmp_path: Path) -> None:
    async with folders.start(environ=a_browser(tmp_path)) as chinwag:
        await asked(chinwag, "hello")
        chinwag.chat.in_background(chinwag.chat.follow(Link("https://bank.com", "https://evil.example/")))
        await chinwag.until(lambda: isinstance(chinwag.app.screen, Question), told="the question")
        await chinwag.shows("https://evil.example/", "its text names bank.com")
        chinwag.clock.ahead_seconds += 1
        await chinwag.press("enter")
        await chinwag.until(lambda: chinwag.chat.is_current, told="the answer")
        assert not (tmp_path / "out").exists()


# What is shown of a message


async def test_who_when_and_how_fast_on_demand(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.press("alt+i")
        await chinwag.shows("there is no answer yet")
        await asked(chinwag, "hello")
        await chinwag.until(lambda: "reader:1b · 20" not in chinwag.text)
        await chinwag.press("alt+i")
        await chinwag.shows("reader:1b · 20", "tok/s")
        await chinwag.press("alt+up", "alt+up", "alt+i")
        await chinwag.shows("you · 20")
        await chinwag.send("/details")
        await chinwag.hides("you · 20")


async def test_long_lines_of_code_are_wrapped_or_cut_at_once_and_later(folders: Folders) -> None:
    async with folders.start(size=(80, 24)) as chinwag:
        await asked(chinwag, "code")
        await chinwag.shows("very end")
        await chinwag.send("/wrap")
        await chinwag.shows("long lines of code are cut")
        await chinwag.hides("very end")
        await chinwag.send("/wrap 2")
        await chinwag.shows("very end")
        await chinwag.send("/wrap 7")
        await chinwag.shows("there is no code 7 here")
    async with folders.start(size=(80, 24)) as chinwag:
        await asked(chinwag, "code")
        await chinwag.shows("See the needle")
        await chinwag.until(lambda: "very end" not in chinwag.text)
        await chinwag.send("/wrap")
        await chinwag.shows("very end")


async def test_no_tool_was_used(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await asked(chinwag, "hello")
        await chinwag.send("/tool")
        await chinwag.shows("no tool was used here")


async def test_what_is_estimated_says_so(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await asked(chinwag, "think")
        await chinwag.shows("thought for", "· ~")


# The mouse


async def test_the_mouse_is_given_back_and_that_is_kept(folders: Folders) -> None:
    async with folders.start() as chinwag:
        await chinwag.shows("Ask reader:1b")
        await chinwag.send("/mouse")
        await chinwag.shows("the mouse is the terminal's", "the wheel does not")
        await chinwag.send("/mouse")
        await chinwag.shows("the mouse is chinwag's", "shift+drag")
        await chinwag.send("/mouse")
        await chinwag.shows("the mouse is the terminal's")
    async with folders.start() as chinwag:
        assert not chinwag.workspace.loaded.settings.terminal.mouse
    async with folders.start(environ={"CHINWAG_TERMINAL_MOUSE": "on"}) as chinwag:
        await chinwag.send("/mouse")
        await chinwag.shows("terminal.mouse is kept for later", "a variable or a flag wins")


# How it looks while one reads


async def test_what_is_scrolled_never_touches_the_line_above(folders: Folders) -> None:
    async with folders.start(size=(80, 24)) as chinwag:
        await asked(chinwag, "many")
        await chinwag.shows("paragraph 59 has a needle")
        seen: list[str] = []
        for _ in range(20):
            await chinwag.until(lambda: "reader:1b" in chinwag.header)
            await chinwag.until(lambda: chinwag.rows[1].strip(" ▁▂▃▄▅▆▇█") == "")
            seen += [row for row in chinwag.rows[2:19] if "paragraph" in row]
            top = chinwag.chat.transcript.scroll_y
            await chinwag.press("pageup")
            if top > 0:
                await chinwag.until(lambda before=top: chinwag.chat.transcript.scroll_y < before)  # type: ignore[misc]
        assert {f"paragraph {number} has" for number in range(60)} <= {" ".join(row.split()[:3]) for row in seen}
        await chinwag.press("alt+up")
        await chinwag.until(lambda: any(row.startswith("›▌ many") for row in chinwag.rows), told="the mark")
        await chinwag.until(lambda: chinwag.rows[1].strip(" ▁▂▃▄▅▆▇█") == "")


async def test_the_message_that_was_gone_to_is_the_one_that_is_meant(folders: Folders) -> None:
    async with folders.start(environ={"DISPLAY": ""}) as chinwag:
        await asked(chinwag, "code", "hello")
        await chinwag.press("alt+up", "alt+up", "alt+up")
        await chinwag.until(
            lambda: chinwag.chat.transcript.current_message_id == chinwag.chat.session.conversation.messages[1].id,
            told="the first answer",
        )
        await chinwag.press("ctrl+y", "enter")
        await chinwag.shows("the answer sent to the terminal's clipboard")
        assert chinwag.app.clipboard == CODE_ANSWER
