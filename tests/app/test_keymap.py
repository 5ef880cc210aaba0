"""Keys that a person gave to commands: what can be, what cannot, and who is in the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.binding import Binding

from tui.app.commands.command import Where
from tui.app.commands.declared import COMMANDS
from tui.app.commands.key_names import FAMILIES, library_names, why_not, written
from tui.app.commands.keymap import NO_KEY, Keymap, clash_of, remappable, shown_keys, with_keys
from tui.app.screens.conversations import ConversationList
from tui.app.screens.documents import DocumentsScreen
from tui.app.screens.models import ModelPicker
from tui.app.screens.models_pulls import PullsScreen
from tui.app.screens.presets import PresetPicker
from tui.app.screens.servers import ServersScreen
from tui.app.screens.tools import ToolsScreen
from tui.app.widgets.prompt_area import PromptArea
from tui.cleaning import clean_line


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("ctrl+t", ("ctrl+t",)),
        ("Ctrl + T", ("ctrl+shift+t",)),
        ("ctrl+_", ("ctrl+underscore", "ctrl+shift+minus", "ctrl+slash")),
        ("ctrl+/", ("ctrl+slash", "ctrl+underscore", "ctrl+shift+minus")),
        ("ctrl+alt+x", ("alt+ctrl+x",)),
        ("alt+.", ("alt+full_stop",)),
        ("PgUp", ("pageup",)),
        ("shift+F5", ("shift+f5",)),
        ("ctrl++", ("ctrl+plus",)),
    ],
)
def test_a_key_as_people_write_it_is_every_name_that_it_may_arrive_under(key: str, names: tuple[str, ...]) -> None:
    assert library_names(key) == names


@pytest.mark.parametrize("family", FAMILIES)
def test_all_names_of_a_family_are_written_alike(family: tuple[str, ...]) -> None:
    assert len({written(name) for name in family}) == 1
    assert {frozenset(library_names(name)) for name in family} == {frozenset(family)}


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("ctrl+i", "a terminal sends tab for it"),
        ("ctrl+m", "a terminal sends enter for it"),
        ("ctrl+j", "a terminal sends a new line for it"),
        ("ctrl+h", "a terminal sends backspace for it"),
        ("ctrl+[", "a terminal sends escape for it"),
        ("ctrl+shift+t", "most terminals send the same without shift"),
        ("ctrl+1", "most terminals do not send it"),
        ("ctrl+,", "most terminals do not send it"),
        ("super+t", "only few terminals send it"),
        ("alt+[", "terminals begin other keys with it"),
        ("x", "it is typed into the prompt"),
        ("X", "it is typed into the prompt"),
        ("enter", "it edits the prompt"),
        ("ctrl+enter", "most terminals send enter for it"),
        ("shift+pageup", "terminals keep it for themselves, or it marks text"),
        ("up", "it edits the prompt"),
        ("f13", "there is no such key"),
        ("hyperspace", "there is no such key"),
        ("", "there is no such key"),
        ("+", "it is typed into the prompt"),
        ("foo+x", "foo is no key to hold; those are ctrl, alt and shift"),
    ],
)
def test_a_key_that_cannot_be_says_why(key: str, reason: str) -> None:
    assert why_not(key) == reason


@pytest.mark.parametrize(
    "key", ["ctrl+t", "f5", "shift+f5", "alt+m", "ctrl+_", "ctrl+space", "alt+up", "pageup", "alt+."]
)
def test_a_key_that_terminals_send_can_be(key: str) -> None:
    assert why_not(key) == ""


@given(st.text(max_size=30))
def test_any_text_is_a_key_or_has_a_reason(key: str) -> None:
    assert isinstance(why_not(key), str)
    assert library_names(written(key))
    if not why_not(key):
        assert set(library_names(written(key))) == set(library_names(key))


def test_every_declared_key_is_written_as_it_is_bound() -> None:
    for command in remappable():
        assert set(command.bound) == {name for key in shown_keys(command) for name in library_names(key)}, command.name


def test_no_two_declared_commands_share_a_key() -> None:
    keymap = Keymap()
    assert [(one.name, key) for one in remappable() for key in shown_keys(one) if clash_of(one.name, key, keymap)] == []


def test_every_key_of_the_prompt_is_in_the_way_of_a_command_of_the_conversation() -> None:
    keymap = Keymap()
    keys = [key for binding in PromptArea.BINDINGS for key in binding.key.split(",")]  # type: ignore[union-attr]
    declared = {key for one in COMMANDS if one.where is Where.chat for key in one.bound}
    free = [key for key in keys if key not in declared and not why_not(key) and not clash_of("settings", key, keymap)]
    assert free == []


def test_a_command_has_the_key_that_it_was_given_and_every_table_shows_it() -> None:
    keymap = with_keys({"undo": ["ctrl+space"], "model.choose": ["F5", "alt+m"], "quit": []})
    assert keymap.complaints == {}
    assert dict(keymap.changed) == {
        "undo": "ctrl+space,ctrl+at,ctrl+@,ctrl+shift+2",
        "model.choose": "f5,alt+m",
        "quit": NO_KEY,
    }
    assert keymap.key("model.choose") == "f5"
    assert keymap.hint("model.choose", "model") == (("f5", "model"),)
    assert keymap.hint("quit", "quit") == ()
    assert keymap.sentence("settings", "everything") == "f2 everything"
    names = [one.name for one in keymap.commands]
    assert names == [one.name for one in COMMANDS]


def test_a_command_without_a_key_is_named_by_its_slash() -> None:
    assert with_keys({"model.choose": []}).sentence("model.choose", "another model") == "/model another model"
    assert with_keys({"suspend": []}).sentence("suspend", "to the shell") == ""


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"model.chose": ["f5"]}, "there is no command model.chose, did you mean model.choose?"),
        ({"model.choose": ["ctrl+m"]}, "model.choose cannot have ctrl+m: a terminal sends enter for it"),
        ({"model.choose": ["ctrl+o"]}, "ctrl+o is for model.choose and for conversation.open"),
        ({"model.choose": ["ctrl+a"]}, "ctrl+a is for model.choose and for prompt.editing"),
        ({"prompt.send": ["f5"]}, "the keys of prompt.send cannot be changed"),
        ({"list.back": ["f5"]}, "the keys of list.back cannot be changed"),
        ({"list.refresh": ["alt+d"]}, "alt+d is for list.refresh and for list.delete"),
        ({"list.refresh": ["ctrl+t"]}, "ctrl+t is for list.refresh and for model.choose"),
        ({"list.refresh": ["ctrl+u"]}, "ctrl+u is for list.refresh and for "),
        ({"model.choose": ["\x1b[2J"]}, "there is no such key"),
    ],
)
def test_what_cannot_be_is_named_and_the_declared_key_stays(wanted: dict[str, list[str]], said: str) -> None:
    keymap = with_keys(wanted)
    (complaint,) = keymap.complaints.values()
    assert said in complaint
    assert clean_line(complaint, 1000) == complaint
    assert keymap.commands == COMMANDS
    assert not keymap.changed


def test_two_commands_can_swap_their_keys() -> None:
    keymap = with_keys({"model.choose": ["ctrl+o"], "conversation.open": ["ctrl+t"]})
    assert not keymap.complaints
    assert (keymap.key("model.choose"), keymap.key("conversation.open")) == ("ctrl+o", "ctrl+t")


def test_two_commands_that_want_one_key_both_stay_and_the_others_are_changed() -> None:
    keymap = with_keys({"model.choose": ["f5"], "conversation.open": ["f5"], "settings": ["f6"]})
    assert set(keymap.complaints) == {"model.choose", "conversation.open"}
    assert (keymap.key("model.choose"), keymap.key("settings")) == ("ctrl+t", "f6")


def test_what_is_in_the_way_of_a_change_that_is_dropped_is_seen_as_well() -> None:
    # settings goes to ctrl+t only if model.choose leaves it, which cannot take ctrl+o.
    keymap = with_keys({"settings": ["ctrl+t"], "model.choose": ["ctrl+o"]})
    assert set(keymap.complaints) == {"settings", "model.choose"}
    assert keymap.commands == COMMANDS


def test_a_command_that_is_declared_without_a_key_can_have_one() -> None:
    keymap = with_keys({"conversation.rename": ["f5"]})
    assert keymap.key("conversation.rename") == "f5"
    assert with_keys({"conversation.rename": ["f2"]}).complaints


def test_what_is_done_on_an_empty_prompt_is_not_said_of_another_key() -> None:
    (copy,) = (one for one in with_keys({"copy": ["f7"]}).commands if one.name == "copy")
    assert (copy.keys, copy.bound) == (("f7",), ("f7",))
    (left,) = (one for one in with_keys({"quit": ["f7"]}).commands if one.name == "quit")
    assert left.keys == ("f7", "ctrl+d on an empty prompt", "ctrl+c twice on an empty prompt")


def test_a_command_can_say_again_the_key_that_it_is_declared_with() -> None:
    assert not with_keys({one.name: shown_keys(one) for one in remappable()}).complaints


def test_the_line_below_a_list_says_the_keys_that_were_changed() -> None:
    hints = (("enter", "use"), ("alt+r", "refresh"), ("alt+d", "delete"), ("esc", "back"))
    keymap = with_keys({"list.refresh": ["f5"], "list.delete": []})
    assert keymap.in_lists(hints) == (("enter", "use"), ("f5", "refresh"), ("esc", "back"))
    assert Keymap().in_lists(hints) == hints


def test_every_command_of_the_lists_is_bound_by_its_name_somewhere() -> None:
    screens = (ModelPicker, PullsScreen, ConversationList, ServersScreen, PresetPicker, DocumentsScreen, ToolsScreen)
    bound = {binding.id for screen in screens for binding in screen.BINDINGS if isinstance(binding, Binding)}
    assert {one.name for one in remappable() if one.where is Where.lists} - bound == set()


KEYS = st.sampled_from(["f5", "f6", "ctrl+t", "ctrl+o", "ctrl+m", "alt+m", "ctrl+_", "ctrl+/"])


@given(st.dictionaries(st.sampled_from([one.name for one in COMMANDS]), st.lists(KEYS, max_size=2), max_size=6))
def test_whatever_is_wanted_no_two_commands_share_a_key(wanted: dict[str, list[str]]) -> None:
    keymap = with_keys(wanted)
    for command in remappable():
        now = next(one for one in keymap.commands if one.name == command.name)
        assert not [key for key in shown_keys(now) if clash_of(command.name, key, keymap)]
        assert (command.name in keymap.changed) == (command.name in wanted and command.name not in keymap.complaints)
