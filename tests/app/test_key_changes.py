"""Keys that a person changed, in the program: what they do, and where they are shown."""

from __future__ import annotations

from tests.app.running import Folders
from tui.app.screens.models import ModelPicker
from tui.app.screens.settings import SettingsScreen
from tui.settings.load import load_settings


async def test_a_changed_key_works_and_is_shown_wherever_the_old_one_was(folders: Folders) -> None:
    folders.write("config/settings.toml", "[keys]\n'model.choose' = 'f7'\n'commands' = ['alt+m', 'f6']\n")
    async with folders.start(size=(160, 40)) as running:
        await running.shows("f7 another model", "alt+m every command", "f7 model")
        await running.until(lambda: running.header.endswith("alt+m commands"))
        await running.until(lambda: "ctrl+t" not in running.text)
        await running.press("ctrl+t", "ctrl+p")
        await running.press("f7")
        await running.until(lambda: isinstance(running.app.screen, ModelPicker))
        await running.press("escape", "f6")
        await running.shows("Commands", "choose the model")
        await running.until(
            lambda: next(row for row in running.rows if "choose the model" in row).split("│")[-2].split()[-1] == "f7"
        )
        await running.press("escape", "f1")
        await running.shows("Keys")
        await running.type("choose the model")
        await running.until(lambda: any("f7" in row and "choose the model" in row for row in running.rows))


async def test_a_command_without_a_key_is_still_named_and_still_done(folders: Folders) -> None:
    folders.write("config/settings.toml", "[keys]\ncommands = ''\n")
    async with folders.start() as running:
        await running.until(lambda: running.header.endswith("/commands"))
        await running.press("ctrl+p")
        await running.send("/commands")
        await running.shows("Commands")


async def test_a_command_that_has_no_key_of_its_own_can_be_given_one(folders: Folders) -> None:
    folders.write("config/settings.toml", "[keys]\n'appearance.theme' = 'f9'\n")
    async with folders.start() as running:
        await running.press("f9")
        await running.shows("Themes")


async def test_all_names_of_a_family_do_what_the_key_does(folders: Folders) -> None:
    folders.write("config/settings.toml", "[keys]\n'model.choose' = 'ctrl+space'\n")
    async with folders.start() as running:
        await running.press("ctrl+@")
        await running.until(lambda: isinstance(running.app.screen, ModelPicker))


async def test_a_key_of_the_lists_works_there_and_is_shown_below_them(folders: Folders) -> None:
    folders.write("config/settings.toml", "[keys]\n'list.refresh' = 'f7'\n'conversation.new' = 'f9'\n")
    async with folders.start() as running:
        await running.press("ctrl+t")
        await running.shows("f7 refresh")
        picker = running.app.screen
        assert isinstance(picker, ModelPicker)
        bound = {key: one.action for key, (_, one, *_) in picker.active_bindings.items()}
        assert bound["f7"] == "refresh_models"
        assert "alt+r" not in bound
        assert bound["f9"] == "app.do_instead('new_conversation')"


async def test_quitting_on_another_key_leaves_the_old_one_free(folders: Folders) -> None:
    folders.write("config/settings.toml", "[keys]\nquit = 'f8'\nsettings = 'ctrl+q'\n")
    async with folders.start() as running:
        await running.press("ctrl+q")
        await running.until(lambda: isinstance(running.app.screen, SettingsScreen))
        assert running.app.is_running
        await running.press("escape", "f8")
        await running.until(lambda: not running.app.is_running)


async def test_a_key_that_cannot_be_is_said_at_the_start_and_the_declared_one_works(folders: Folders) -> None:
    folders.write("config/settings.toml", "[keys]\n'model.choose' = 'ctrl+m'\n")
    async with folders.start() as running:
        await running.shows("model.choose cannot have ctrl+m: a terminal sends enter for it")
        await running.press("ctrl+t")
        await running.until(lambda: isinstance(running.app.screen, ModelPicker))


async def test_a_key_that_is_changed_in_the_form_works_at_once(folders: Folders) -> None:
    async with folders.start(size=(120, 40)) as running:
        await running.press("f2")
        await running.until(lambda: isinstance(running.app.screen, SettingsScreen))
        await running.type("model.choose")
        await running.press("enter", "enter")
        await running.shows("press the new key")
        await running.press("f7")
        await running.shows("f7 is free")
        await running.press("enter")
        file = running.workspace.places.settings_file
        await running.until(lambda: load_settings(file, {}, {}).keys == {"model.choose": ("f7",)})
        await running.press("escape", "escape")
        await running.shows("f7 another model")
        await running.press("f7")
        await running.until(lambda: isinstance(running.app.screen, ModelPicker))


async def test_a_changed_key_for_a_new_conversation_works_in_the_list_of_them_too(folders: Folders) -> None:
    folders.write("config/settings.toml", "[keys]\n'conversation.new' = 'f9'\n")
    async with folders.start() as running:
        await running.shows("Ask ")
        await running.send("hello")
        await running.answered()
        await running.press("ctrl+o")
        await running.shows("f9 new", "1 conversation")
        await running.until(lambda: "ctrl+n" not in running.text)
        listed = running.app.screen
        await running.press("ctrl+n")
        assert running.app.screen is listed
        await running.press("f9")
        await running.until(
            lambda: running.app.screen is running.chat and running.chat.session.is_empty, told="a new one"
        )
