"""What people install: a wheel that has everything in it, and runs far from the repository."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.terminal import REPOSITORY, Terminal, clean_environment, ctrl
from tui import __version__

DEMO_MODEL = "tour:8b"
"""The newest model of the demo server, which is the one that a first prompt goes to."""


def run(argv: Sequence[str | Path], *, folder: Path) -> str:
    """The output of a command that is to succeed, run as nobody in ``folder``."""
    done = subprocess.run(
        [str(word) for word in argv],
        cwd=folder,
        env=clean_environment(folder / "home"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, REPOSITORY], folder=folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of an environment that holds the wheel, and sees the packages it depends on.

    They are borrowed from the environment that runs the tests, so that no network is needed. The folder stands in a
    ``.pth``, whose own ``.pth`` files Python does not follow: an editable installation over there does not come along.
    """
    folder = tmp_path_factory.mktemp("installed")
    environment = folder / "environment"
    python = environment / "bin" / "python"
    has_pip = importlib.util.find_spec("pip") is not None
    run([sys.executable, "-m", "venv", *(["--without-pip"] if has_pip else []), environment], folder=folder)
    pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", python] if has_pip else [python, "-m", "pip"]
    run([*pip, "--disable-pip-version-check", "install", "--quiet", "--no-deps", "--no-index", wheel], folder=folder)
    inside = {"base": str(environment), "platbase": str(environment)}
    packages = Path(sysconfig.get_path("purelib", scheme="venv", vars=inside))
    borrowed = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (packages / "borrowed.pth").write_text("".join(f"{path}\n" for path in borrowed))
    return environment / "bin"


def ask(installed: Path, expression: str, *, folder: Path) -> str:
    source = f"import tui, tui.places; print({expression})"
    return run([installed / "python", "-c", source], folder=folder).strip()


def test_the_wheel_carries_all_that_is_not_code_too(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    themes = {f"tui/themes/{path.name}" for path in (REPOSITORY / "themes").glob("*.toml")}
    assert len(themes) >= 2
    assert {name for name in names if name.startswith("tui/themes/")} == themes
    package = {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "tui").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert package - names == set()
    assert not [name for name in names if name.endswith(".pyc")]
    metadata = f"chinwag-{__version__}.dist-info"
    assert {name.split("/")[0] for name in names} == {"tui", metadata}
    assert f"{metadata}/licenses/LICENSE" in names


def test_the_installed_package_is_the_one_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    environment = installed.parent.resolve()
    assert Path(ask(installed, "tui.__file__", folder=tmp_path)).resolve().is_relative_to(environment)
    themes = Path(ask(installed, "tui.places.bundled_themes()", folder=tmp_path)).resolve()
    assert themes.is_relative_to(environment)
    assert {path.name for path in themes.iterdir()} == {path.name for path in (REPOSITORY / "themes").glob("*.toml")}


def test_the_command_says_its_version_from_another_folder(installed: Path, tmp_path: Path) -> None:
    assert run([installed / "chinwag", "--version"], folder=tmp_path) == f"chinwag {__version__}\n"
    assert run([installed / "python", "-m", "tui", "--version"], folder=tmp_path) == f"chinwag {__version__}\n"


def test_the_installed_command_starts_in_a_terminal_and_leaves_it_as_it_was(installed: Path, tmp_path: Path) -> None:
    folder, home = tmp_path / "elsewhere", tmp_path / "home"
    folder.mkdir()
    with Terminal([installed / "chinwag", "--demo"], folder=folder, home=home) as terminal:
        terminal.wait_for(DEMO_MODEL, timeout_seconds=60)
        terminal.send(ctrl("q"))
        assert terminal.exit_code(timeout_seconds=30) == 0
        assert not terminal.emulator().shows_second_screen
        assert terminal.private_modes == {7, 25}
    assert list(folder.iterdir()) == []
    assert [path for path in home.rglob("*") if path.is_file()] == []
