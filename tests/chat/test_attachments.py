"""What goes along with a prompt, from the session's side."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chat.rig import MODEL, START, Rig, conversation_of
from tests.pictures import png
from tui.chat.attaching import Attached, Contents, attach_files, attach_page
from tui.chat.context_window import Scale, learn_scale
from tui.chat.events import AnswerEnded, AttachmentsLost
from tui.chat.fitting import AS_IT_IS, Plan, window_use
from tui.chat.spelled_out import block_of, compose_spelled_out
from tui.conversations.values import Attachment, AttachmentKind, Conversation, Message, MessageState, Role
from tui.engine import FinalCounts
from tui.failures import Failure
from tui.places import Places, places_below

CAT = png(4, 3)


async def attached(contents: Contents, folder: Path, *written: str, is_private: bool = False) -> tuple[Attachment, ...]:
    found: list[Attachment] = []
    for one in written:
        result = await attach_files(
            one, contents=contents, folder=folder, home=folder, tokens_of=Scale().tokens_of, is_private=is_private
        )
        found += result.attachments
    return tuple(found)


def talk_of(*texts: str) -> Conversation:
    """Prompts and answers in turn."""
    roles = (Role.user, Role.assistant)
    return conversation_of(
        *(
            Message(id=f"said{number}", role=roles[number % 2], text=text, at=START, model=MODEL if number % 2 else "")
            for number, text in enumerate(texts)
        )
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "main.py").write_text("x = 1\n")
    (folder / "fence.md").write_text("```\ninside\n````\n")
    (folder / "cat.png").write_bytes(CAT)
    return folder


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return places_below(tmp_path / "places")


async def test_files_go_before_the_prompt_that_brought_them(project: Path) -> None:
    rig = Rig()
    files = await attached(rig.contents, project, "main.py", "fence.md", "cat.png")
    await rig.session.ask("what is it?", files)
    call = await rig.engine.next_call()
    [sent] = call.request.messages
    assert sent.text == ("main.py:\n```\nx = 1\n```\n\nfence.md:\n`````\n```\ninside\n````\n`````\n\nwhat is it?")
    assert sent.images == (base64.b64encode(CAT).decode(),)
    call.finish()
    await rig.session.settled()
    prompt = rig.session.conversation.messages[0]
    assert prompt.text == "what is it?"
    assert prompt.attachments == files
    assert [one.kind for one in files] == [AttachmentKind.file, AttachmentKind.file, AttachmentKind.image]
    assert rig.disk.last.messages[0].attachments == files


async def test_they_go_along_with_every_later_request(project: Path) -> None:
    rig = Rig()
    await rig.session.ask("first", await attached(rig.contents, project, "main.py", "cat.png"))
    call = await rig.engine.next_call()
    call.say("I see")
    call.finish()
    await rig.session.settled()
    await rig.session.ask("and now?")
    again = (await rig.engine.next_call()).request
    assert "x = 1" in again.messages[0].text
    assert again.messages[0].images
    assert again.messages[-1].text == "and now?"


async def test_queued_prompt_keeps_them_and_gives_them_back(project: Path) -> None:
    rig = Rig()
    files = await attached(rig.contents, project, "main.py")
    await rig.session.ask("one")
    call = await rig.engine.next_call()
    await rig.session.ask("two", files)
    await rig.session.ask("three", files)
    taken = rig.session.take_back()
    assert taken is not None
    assert (taken.text, taken.attachments) == ("three", files)
    call.finish()
    assert "x = 1" in (await rig.engine.next_call()).request.messages[-1].text


async def test_prompt_without_words_is_a_prompt(project: Path) -> None:
    rig = Rig()
    await rig.session.ask("", await attached(rig.contents, project, "main.py"))
    assert (await rig.engine.next_call()).request.messages[0].text == "main.py:\n```\nx = 1\n```"


async def test_damaged_content_is_said_and_nothing_is_sent(project: Path, places: Places) -> None:
    rig = Rig()
    rig.contents._places = places
    [file] = await attached(rig.contents, project, "main.py")
    path = places.attachments / file.sha256[:2] / file.sha256
    path.write_text("x = 2\n")
    await rig.session.ask("what is it?", (file,))
    await rig.session.settled()
    assert not rig.engine.calls
    [ended] = [one for one in rig.events if isinstance(one, AnswerEnded)]
    assert ended.message.state is MessageState.failed
    assert "main.py is damaged" in ended.message.failure
    given_back = rig.session.give_back()
    assert given_back is not None
    assert given_back.attachments == (file,)


async def test_what_an_earlier_prompt_lost_is_told_to_both_and_stops_nothing(project: Path) -> None:
    lost = Attachment(name="gone.txt", sha256="0" * 64, size_bytes=10)
    earlier = talk_of("first", "answer")
    prompt = replace(earlier.messages[0], attachments=(lost,))
    rig = Rig(replace(earlier, messages=(prompt, *earlier.messages[1:])))
    await rig.session.ask("and now?")
    sent = (await rig.engine.next_call()).request
    assert "gone.txt was here; its content is lost" in sent.messages[0].text
    [said] = [one for one in rig.events if isinstance(one, AttachmentsLost)]
    assert "gone.txt" in str(said.failures[0])


async def test_earlier_pictures_are_left_out_for_a_model_that_cannot_see(project: Path) -> None:
    rig = Rig()
    await rig.session.ask("first", await attached(rig.contents, project, "cat.png"))
    call = await rig.engine.next_call()
    call.say("a cat")
    call.finish()
    await rig.session.settled()
    rig.plan = Plan(can_see=False)
    await rig.session.ask("and now?")
    sent = (await rig.engine.next_call()).request
    assert not sent.messages[0].images
    assert "a picture was here, cat.png" in sent.messages[0].text.lower()


async def test_private_content_reaches_no_disk(project: Path, places: Places) -> None:
    contents = Contents(places)
    [file] = await attached(contents, project, "main.py", is_private=True)
    assert contents.read(file) == b"x = 1\n"
    assert not places.attachments.exists()


async def test_content_that_the_disk_refuses_is_in_memory_and_said(project: Path, places: Places) -> None:
    said: list[Failure] = []
    places.attachments.parent.mkdir(parents=True)
    places.attachments.write_text("in the way")
    contents = Contents(places, report=said.append)
    [file] = await attached(contents, project, "main.py")
    assert contents.read(file) == b"x = 1\n"
    assert len(said) == 1


async def test_page_is_its_text_as_it_was_when_it_was_read() -> None:
    contents = Contents()
    page: Attached = await attach_page(
        "https://example.org/", "A heading\nand text", contents=contents, tokens_of=Scale().tokens_of
    )
    [one] = page.attachments
    assert (one.kind, one.name, one.source) == (AttachmentKind.page, "https://example.org/", "https://example.org/")
    assert contents.read(one) == b"A heading\nand text"
    with pytest.raises(Failure, match="no text"):
        await attach_page("https://example.org/", " \n", contents=contents, tokens_of=Scale().tokens_of)


def file(size_bytes: int, kind: AttachmentKind = AttachmentKind.file) -> Attachment:
    return Attachment(name="x", sha256="0" * 64, size_bytes=size_bytes, kind=kind)


def test_window_counts_what_goes_along() -> None:
    talk = talk_of("a" * 400, "b" * 400)
    bare = window_use(talk, MODEL, AS_IT_IS, unsent="and?")
    with_file = window_use(talk, MODEL, AS_IT_IS, unsent="and?", attached=(file(4_000),))
    assert with_file.added - bare.added == 1_000
    assert window_use(talk, MODEL, AS_IT_IS, attached=(file(4_000),)).added > 1_000
    picture = window_use(talk, MODEL, AS_IT_IS, unsent="and?", attached=(file(9, AttachmentKind.image),))
    assert picture.added > bare.added
    said = replace(talk, messages=(replace(talk.messages[0], attachments=(file(4_000),)), *talk.messages[1:]))
    assert window_use(said, MODEL, AS_IT_IS).used - window_use(talk, MODEL, AS_IT_IS).used == 1_000


def test_ratio_is_learned_from_files_and_never_from_pictures() -> None:
    def counted(*attachments: Attachment) -> Scale:
        prompt, answer = talk_of("a" * 400, "b").messages
        counts = FinalCounts(prompt_tokens=504, answer_tokens=1)
        return learn_scale((replace(prompt, attachments=attachments), replace(answer, counts=counts)), model=MODEL)

    assert counted().tokens_per_character == pytest.approx(1.25)
    assert counted(file(600)).tokens_per_character == pytest.approx(0.5)
    assert not counted(file(600, AttachmentKind.image)).is_learned


@given(st.text())
def test_nothing_in_a_file_ends_its_fence(text: str) -> None:
    name, fence, *lines = block_of("a\nb`.md", text).split("\n")
    assert name == "a b`.md:"
    assert set(fence) == {"`"}
    assert [one for one in "\n".join(lines).split("\n") if one.strip() == fence] == [fence]


async def test_request_is_made_of_what_is_shown_alone(project: Path) -> None:
    """Nothing is read for what the model does not see any more."""
    contents = Contents()
    [kept] = await attached(contents, project, "main.py")
    gone = replace(kept, sha256="0" * 64)
    talk = talk_of("t0", "t1", "t2", "t3", "t4")
    first, *between, last = talk.messages
    messages = (replace(first, attachments=(gone,)), *between, replace(last, attachments=(kept,)))
    talk = replace(talk, messages=messages)
    composed = compose_spelled_out(talk, MODEL, Plan(history_messages=1), contents.read)
    assert not composed.lost
    assert [one.text for one in composed.request.messages] == ["main.py:\n```\nx = 1\n```\n\nt4"]
