"""Whatever a person does to messages in whatever order: the disk has the same, and all of it can be undone."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chat.rig import Rig, turns
from tests.chat.talks import answered, everything, ids, same_on_disk, talk
from tui.conversations.versions import steps_to
from tui.failures import Failure

STEPS = (
    "edit",
    "text",
    "again",
    "on",
    "delete",
    "delete all",
    "step",
    "step back",
    "undo",
    "ask",
    "say",
    "end",
    "stop",
)


@settings(max_examples=60)
@given(steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9)), max_size=25))
async def test_whatever_is_done_the_disk_has_the_same(steps: list[tuple[str, int]]) -> None:
    rig = Rig(talk())
    session = rig.session
    for number, (what, choice) in enumerate(steps):
        line = ids(session.conversation) or [""]
        chosen = line[choice % len(line)]
        calls = rig.engine.calls
        rig.clock.seconds += 1
        try:
            match what:
                case "edit":
                    await session.resend(chosen, f"edited {number}")
                case "text":
                    session.edit_text(chosen, f"text {number}")
                case "again":
                    session.regenerate(chosen)
                case "on":
                    session.continue_answer()
                case "delete":
                    session.delete(chosen)
                case "delete all":
                    session.delete(chosen, with_following=True)
                case "step":
                    session.step_version(chosen, 1)
                case "step back":
                    session.step_version(chosen, -1)
                case "undo":
                    session.undo()
                case "ask":
                    await session.ask(f"prompt {number}")
                case "say" if calls:
                    calls[-1].say(f"word {number} ")
                case "end" if calls:
                    calls[-1].finish()
                case "stop":
                    session.stop()
                case _:
                    pass
        except Failure:
            assert what not in ("ask", "say", "end", "stop")
        await turns(8)
        reachable = session.conversation
        for branch in reachable.branches:
            steps_to(reachable, branch.messages[0].id)
    session.stop()
    await session.close()
    kept = rig.disk.last if rig.disk.saved else talk()
    count = len(session.conversation.messages)
    assert kept.messages[:count] == session.conversation.messages
    assert [one.text for one in kept.messages[count:]] == list(session.queue)
    assert kept.branches == session.conversation.branches
    assert len(everything(kept)) == len({one.id for one in everything(kept)})


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["text", "delete", "delete all", "step", "step back"]), st.integers(0, 9)),
        max_size=12,
    )
)
async def test_all_of_it_undone_is_where_one_began(steps: list[tuple[str, int]]) -> None:
    rig = Rig(talk())
    session = rig.session
    for again in ("a1", "p2"):
        session.use_version(again) if again not in ids(session.conversation) else None
        session.regenerate(again)
        await answered(rig, f"instead of {again}")
    while session.undo():
        pass
    before = session.conversation
    for number, (what, choice) in enumerate(steps):
        line = ids(session.conversation)
        if not line:
            break
        chosen = line[choice % len(line)]
        match what:
            case "text":
                session.edit_text(chosen, f"text {number}")
            case "delete":
                session.delete(chosen)
            case "delete all":
                session.delete(chosen, with_following=True)
            case "step":
                session.step_version(chosen, 1)
            case _:
                session.step_version(chosen, -1)
    while session.undo():
        pass
    after = session.conversation
    assert after.messages == before.messages
    assert Counter(after.branches) == Counter(before.branches)
    assert (after.title, after.control) == (before.title, before.control)
    await session.settled()
    same_on_disk(rig)
    await session.close()
