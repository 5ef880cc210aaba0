from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import tui
from tui.failures import Failure
from tui.places import Places, bundled_themes, places_below, throwaway_places, user_places

XDG_NAMES = ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")


def folders(places: Places) -> list[Path]:
    return [places.data, places.config, places.cache, places.state]


def test_our_own_variables_name_the_folders_themselves(tmp_path: Path) -> None:
    environ = {
        "HOME": "/home/ada",
        "CHINWAG_DATA_DIR": str(tmp_path / "d"),
        "CHINWAG_CONFIG_DIR": "~/c",
        "CHINWAG_CACHE_DIR": str(tmp_path / "x"),
        "CHINWAG_STATE_DIR": str(tmp_path / "s"),
        "XDG_DATA_HOME": "/elsewhere",
    }
    assert folders(user_places(environ)) == [tmp_path / "d", Path("/home/ada/c"), tmp_path / "x", tmp_path / "s"]


def test_xdg_variables_name_the_folders_around() -> None:
    environ = {"HOME": "/home/ada"} | {name: f"/x/{name}" for name in XDG_NAMES}
    assert folders(user_places(environ)) == [Path(f"/x/{name}/chinwag") for name in XDG_NAMES]


def test_empty_and_relative_xdg_variables_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in XDG_NAMES:
        monkeypatch.delenv(name, raising=False)
    environ = {"HOME": "/home/ada", "XDG_DATA_HOME": "", "XDG_CONFIG_HOME": "relative"}
    for folder in folders(user_places(environ)):
        assert folder.is_relative_to("/home/ada")
        assert folder.name == "chinwag"


@pytest.mark.skipif(sys.platform != "linux", reason="other platforms have other customs")
def test_a_home_alone_gives_the_customary_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in XDG_NAMES:
        monkeypatch.delenv(name, raising=False)
    home = Path("/home/ada")
    customary = [home / below / "chinwag" for below in (".local/share", ".config", ".cache", ".local/state")]
    assert folders(user_places({"HOME": str(home)})) == customary
    monkeypatch.setenv("HOME", "/home/bob")
    assert folders(user_places({"HOME": str(home)})) == customary


def test_a_relative_folder_is_refused_by_name() -> None:
    with pytest.raises(Failure, match="CHINWAG_DATA_DIR is data · that is a relative path"):
        user_places({"HOME": "/home/ada", "CHINWAG_DATA_DIR": "data"})


def test_naming_places_makes_nothing(tmp_path: Path) -> None:
    user_places({"HOME": str(tmp_path)})
    places_below(tmp_path)
    assert not list(tmp_path.iterdir())


def test_every_place_is_in_the_folder_of_its_kind(tmp_path: Path) -> None:
    places = places_below(tmp_path)
    assert {
        "data": [places.conversations, places.attachments, places.drafts, places.outputs, places.exports, places.trash],
        "config": [
            places.settings_file,
            places.models_file,
            places.secrets_file,
            places.presets,
            places.user_themes,
            places.prompts,
            places.tools,
        ],
        "cache": [places.index_file],
        "state": [places.usage_file, places.control, places.log],
    } == {
        "data": [
            tmp_path / "data" / n for n in ("conversations", "attachments", "drafts", "outputs", "exports", "trash")
        ],
        "config": [
            tmp_path / "config" / n
            for n in ("settings.toml", "models.toml", "secrets.toml", "presets", "themes", "prompts", "tools")
        ],
        "cache": [tmp_path / "cache" / "index.sqlite3"],
        "state": [tmp_path / "state" / n for n in ("usage.jsonl", "control", "log")],
    }
    assert not places.is_throwaway


def test_throwaway_places_are_private_and_leave_nothing() -> None:
    def use() -> Path:
        with throwaway_places() as places:
            root = places.data.parent
            assert places.is_throwaway
            assert stat.S_IMODE(root.stat().st_mode) == 0o700
            places.conversations.mkdir(parents=True)
            (places.conversations / "a.json").write_text("secret")
            raise InterruptedError(str(root))

    with pytest.raises(InterruptedError) as caught:
        use()
    assert not Path(str(caught.value)).exists()


def test_themes_are_found_in_the_repository() -> None:
    assert bundled_themes() == Path(__file__).resolve().parents[2] / "themes"
    assert bundled_themes().is_dir()


def test_themes_are_found_in_an_installed_package(tmp_path: Path) -> None:
    package = tmp_path / "site" / "tui"
    (package / "themes").mkdir(parents=True)
    (tmp_path / "site" / "themes").mkdir()
    source = Path(tui.__file__).parent
    for name in ("__init__.py", "places.py", "failures.py"):
        shutil.copy(source / name, package)
    program = "import tui.places; print(tui.places.bundled_themes())"
    environ = {"PYTHONPATH": str(tmp_path / "site"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str((package / "themes").resolve())
