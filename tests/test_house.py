"""The house: who may import whom.

A room imports its own files and the floors below it, nothing else. Every rule reads the import statements of a source
tree and returns its complaints, so that each is tried on a tree that breaks it before the real one is held to it.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent

FLOORS: tuple[Mapping[str, tuple[str, ...]], ...] = (
    {"ground": ("engine", "failures", "places", "atomic", "toml", "environment", "cleaning", "page_text", "kept_code")},
    {room: (room,) for room in ("ollama", "web", "conversations", "theming", "metrics", "documents", "tools")},
    {"settings": ("settings",), "storage": ("storage",)},
    {"chat": ("chat",)},
    {"runs": ("runs",), "demo": ("demo",)},
    {"workspace": ("workspace",)},
    {"cli": ("cli",), "app": ("app",), "library": ("library",)},
    {"door": ("__main__",)},
)
"""From the ground up: the rooms of each floor, and the modules or packages of ``tui`` that make up a room."""

ONLY_HERE: Mapping[str, tuple[str, ...]] = {
    "platformdirs": ("tui.places",),
    "tomli_w": ("tui.toml",),
    "httpx": ("tui.ollama", "tui.web"),
    "pynvml": ("tui.ollama",),
    "msgspec": ("tui.conversations", "tui.settings", "tui.storage"),
    "tomlkit": ("tui.settings",),
    "sqlite3": ("tui.storage",),
    "numpy": ("tui.documents",),
    "pypdf": ("tui.documents",),
    "h11": ("tui.demo",),
    "textual": ("tui.app",),
    "rich": ("tui.app",),
    "markdown_it": ("tui.app",),
    "pygments": ("tui.app",),
}
"""Every package from outside the standard library, and sqlite3, with the modules or rooms that may import it."""

SAYS_NOTHING = frozenset({"util", "utils", "helper", "helpers", "manager", "managers", "base", "common", "misc"})

LONGEST_LINES = 600
DATA = ("tests/recorded/",)
"""What was recorded is as long as it was."""
FIRST = (
    "tui",
    "tui.__main__",
    "tui.cli.arguments",
    "tui.environment",
    "tui.app.terminal.first_frame",
    "tui.app.terminal.forking",
)
"""What is imported before the first frame is on the terminal."""

HEAVY = frozenset({*ONLY_HERE, "asyncio"})
"""What the first frame does not wait for."""


# ---------------------------------------------------------------------- reading the source


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """``target`` is a module of this tree by its full name, or the top package of another distribution."""

    target: str
    line: int
    in_function: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    name: str
    path: Path
    is_package: bool
    imports: tuple[Import, ...]

    def at(self, line: int) -> str:
        return f"{self.name}:{line}"


def read_tree(root: Path, package: str = "tui") -> dict[str, Module]:
    """Every module of ``root/package`` by its full name."""
    paths: dict[str, Path] = {}
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        paths[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    names = frozenset(paths)
    return {name: read_module(name, path, names) for name, path in paths.items()}


def read_module(name: str, path: Path, names: frozenset[str]) -> Module:
    is_package = path.name == "__init__.py"
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    imports = tuple(
        Import(target=target, line=node.lineno, in_function=in_function)
        for node, in_function in statements(tree, in_function=False)
        for target in targets(node, name if is_package else name.rpartition(".")[0], names)
    )
    return Module(name=name, path=path, is_package=is_package, imports=imports)


def statements(tree: ast.AST, *, in_function: bool) -> Iterator[tuple[ast.stmt | ast.expr, bool]]:
    """Every statement or call that imports; those under ``if TYPE_CHECKING`` like all others."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Call):
            yield node, in_function
        deeper = in_function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        yield from statements(node, in_function=deeper)


def targets(node: ast.stmt | ast.expr, package: str, names: frozenset[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield named(alias.name, names)
    elif isinstance(node, ast.ImportFrom):
        source = node.module or ""
        if node.level:
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            source = ".".join([*above, source] if source else above)
        for alias in node.names:
            inner = f"{source}.{alias.name}"
            yield inner if inner in names else named(source, names)
    elif isinstance(node, ast.Call) and called(node) in {"import_module", "__import__"} and node.args:
        argument = node.args[0]
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield named(argument.value, names)


def called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def named(target: str, names: frozenset[str]) -> str:
    """What is not of this tree is named by its top package."""
    top = target.partition(".")[0]
    return target if target in names or top == "tui" else top


# ---------------------------------------------------------------------- the rules


def room_of(name: str) -> tuple[int, str] | None:
    """Floor and room of a module of ``tui``; None for what the table does not know."""
    top = name.split(".")[1] if "." in name else ""
    for floor, rooms in enumerate(FLOORS):
        for room, members in rooms.items():
            if top in members:
                return floor, room
    return None


def homeless(tree: Mapping[str, Module]) -> list[str]:
    """A module that stands on no floor, and an import of a module that there is not."""
    complaints = [f"{name} stands on no floor" for name in tree if name != "tui" and room_of(name) is None]
    complaints += [
        f"{module.at(found.line)} imports {found.target}, which is not there"
        for module in tree.values()
        for found in module.imports
        if within(found.target, "tui") and found.target not in tree
    ]
    return complaints


def upward(tree: Mapping[str, Module]) -> list[str]:
    """An import from a floor above, or from another room of the same floor; the package itself imports nothing."""
    complaints = []
    for module in tree.values():
        here = room_of(module.name)
        for found in module.imports:
            there = room_of(found.target) if found.target.startswith("tui.") else None
            if there is None:
                continue
            if module.name == "tui":
                complaints.append(f"{module.at(found.line)} imports {found.target}; the package imports nothing")
            elif here is not None and there != here and there[0] >= here[0]:
                complaints.append(
                    f"{module.at(found.line)} (floor {here[0]}, {here[1]}) imports {found.target} (floor {there[0]}, {there[1]})"
                )
    return complaints


def doors_that_see_each_other(tree: Mapping[str, Module]) -> list[str]:
    """``app`` and ``cli``, also by way of other modules."""
    complaints = []
    for start, forbidden in (("tui.app", "tui.cli"), ("tui.cli", "tui.app")):
        reached = [name for name in tree if within(name, start)]
        for name in reached:
            reached += [
                found.target for found in tree[name].imports if found.target in tree and found.target not in reached
            ]
        complaints += [f"{start} sees {name}" for name in reached if within(name, forbidden)]
    return complaints


def strangers(tree: Mapping[str, Module]) -> list[str]:
    """A package from outside the standard library in a room that is not its own, or in no table at all."""
    complaints = []
    for module in tree.values():
        for found in module.imports:
            top = found.target.split(".")[0]
            if top == "tui" or (top in sys.stdlib_module_names and top not in ONLY_HERE):
                continue
            homes = ONLY_HERE.get(top, ())
            if not any(within(module.name, home) for home in homes):
                complaints.append(
                    f"{module.at(found.line)} imports {top}, which belongs to {' and '.join(homes) or 'no room'}"
                )
    return complaints


def within(name: str, home: str) -> bool:
    return name == home or name.startswith(f"{home}.")


def cycles(tree: Mapping[str, Module], *, also_in_functions: bool) -> list[str]:
    """Modules that import each other; an import inside a function counts only when asked for."""
    edges = {
        name: sorted(
            {
                found.target
                for found in module.imports
                if found.target in tree and found.target != name and (also_in_functions or not found.in_function)
            }
        )
        for name, module in tree.items()
    }
    complaints: dict[frozenset[str], str] = {}
    finished: set[str] = set()

    def walk(name: str, way: list[str]) -> None:
        if name in way:
            circle = way[way.index(name) :]
            complaints.setdefault(frozenset(circle), " -> ".join([*circle, name]))
        elif name not in finished:
            for target in edges[name]:
                walk(target, [*way, name])
            finished.add(name)

    for name in edges:
        walk(name, [])
    return list(complaints.values())


def names_that_say_nothing(root: Path, *folders: str) -> list[str]:
    """A file or folder that is called after nothing that it does."""
    return [
        f"{path.relative_to(root)} says nothing about what it does"
        for folder in folders
        for path in sorted((root / folder).rglob("*"))
        if (path.is_dir() or path.suffix == ".py")
        and SAYS_NOTHING & set(path.stem.lower().split("_"))
        and "__pycache__" not in path.parts
    ]


def too_long(root: Path, *folders: str) -> list[str]:
    """Files of more lines than somebody reads in one go: they have more than one idea."""
    found = []
    for path in sorted(path for folder in folders for path in (root / folder).rglob("*.py")):
        name, lines = path.relative_to(root).as_posix(), len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST_LINES and not name.startswith(DATA):
            found.append(f"{name} has {lines} lines, more than {LONGEST_LINES}: split it by idea")
    return found


def loaded_by(root: Path, *modules: str) -> frozenset[str]:
    """The modules that a fresh Python has loaded after it imported ``modules``, all from ``root``."""
    source = f"""
        import sys
        sys.path.insert(0, {str(root)!r})
        import importlib
        before = set(sys.modules)
        for name in {modules!r}:
            importlib.import_module(name)
        print(*sorted(set(sys.modules) - before))
    """
    done = subprocess.run(
        [sys.executable, "-I", "-c", dedent(source)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return frozenset(done.stdout.split())


# ---------------------------------------------------------------------- the rules can fail


def build(root: Path, **sources: str) -> dict[str, Module]:
    """A source tree: ``chat__turn="import x"`` is ``tui/chat/turn.py``."""
    (root / "tui").mkdir()
    (root / "tui" / "__init__.py").touch()
    for name, source in sources.items():
        path = root / "tui" / f"{name.replace('__', '/') if not name.startswith('__') else name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "__init__.py").touch()
        path.write_text(dedent(source))
    return read_tree(root)


def test_a_module_without_a_floor_is_noticed(tmp_path: Path) -> None:
    tree = build(tmp_path, attic="", engine="from tui.cellar import a", chat__turn="import tui.chat.cellar")
    assert homeless(tree) == [
        "tui.attic stands on no floor",
        "tui.chat.turn:1 imports tui.chat.cellar, which is not there",
        "tui.engine:1 imports tui.cellar, which is not there",
    ]


@pytest.mark.parametrize(
    ("importer", "statement", "seen"),
    [
        ("engine", "from tui.ollama.client import X", "floor 0, ground) imports tui.ollama.client (floor 1"),
        ("ollama__client", "from tui.theming import load", "floor 1, ollama) imports tui.theming (floor 1, theming"),
        ("ollama__client", "def f():\n    import tui.chat.turn", "floor 1, ollama) imports tui.chat.turn (floor 3"),
        ("ollama__client", "from ..chat import turn", "floor 1, ollama) imports tui.chat.turn (floor 3"),
        ("ollama__client", "from .. import workspace", "imports tui.workspace (floor 5"),
        (
            "chat__turn",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tui.app import x",
            "floor 3, chat) imports tui.app (floor 6",
        ),
        ("workspace", "import importlib\nimportlib.import_module('tui.cli')", "floor 5, workspace) imports tui.cli"),
        (
            "settings__schema",
            "from tui.storage import load",
            "floor 2, settings) imports tui.storage (floor 2, storage",
        ),
        ("cli__door", "from tui.app.app import App", "floor 6, cli) imports tui.app.app (floor 6, app"),
    ],
)
def test_an_import_from_above_or_beside_is_noticed(tmp_path: Path, importer: str, statement: str, seen: str) -> None:
    rooms = dict.fromkeys(
        ["engine", "ollama__client", "theming__x", "chat__turn", "settings__x", "storage__x", "workspace", "cli__x"], ""
    )
    (complaint,) = upward(build(tmp_path, **{**rooms, "app__app": "", importer: statement}))
    assert seen in complaint


def test_imports_from_the_own_room_and_from_below_are_fine(tmp_path: Path) -> None:
    tree = build(
        tmp_path,
        failures="",
        engine="from tui import __version__\nfrom tui.failures import Failure",
        chat__events="from tui import engine",
        chat__turn="from tui.chat.events import x\nfrom . import events\nimport tui.engine",
        app__app="from tui.chat import turn",
        __main__="def main():\n    from tui.app import app",
    )
    assert upward(tree) == homeless(tree) == doors_that_see_each_other(tree) == []
    assert cycles(tree, also_in_functions=True) == []


def test_the_package_itself_imports_nothing(tmp_path: Path) -> None:
    build(tmp_path, engine="")
    (tmp_path / "tui" / "__init__.py").write_text("from tui.engine import Host")
    assert upward(read_tree(tmp_path)) == ["tui:1 imports tui.engine; the package imports nothing"]


def test_doors_that_see_each_other_are_noticed_around_a_corner(tmp_path: Path) -> None:
    tree = build(tmp_path, cli__ask="", workspace="from tui.cli import ask", app__app="import tui.workspace")
    assert doors_that_see_each_other(tree) == ["tui.app sees tui.cli.ask"]


def test_a_package_outside_its_room_is_noticed(tmp_path: Path) -> None:
    tree = build(
        tmp_path,
        places="import platformdirs, json",
        engine="import platformdirs",
        ollama__client="import httpx._models",
        chat__turn="def f():\n    from httpx import Client",
        storage__index="import sqlite3",
        settings__schema="import sqlite3",
        cli__ask="import textual.app",
        web__fetch="import requests",
    )
    assert strangers(tree) == [
        "tui.chat.turn:2 imports httpx, which belongs to tui.ollama and tui.web",
        "tui.cli.ask:1 imports textual, which belongs to tui.app",
        "tui.engine:1 imports platformdirs, which belongs to tui.places",
        "tui.settings.schema:1 imports sqlite3, which belongs to tui.storage",
        "tui.web.fetch:1 imports requests, which belongs to no room",
    ]


def test_a_circle_is_noticed(tmp_path: Path) -> None:
    tree = build(
        tmp_path,
        chat__a="from tui.chat import b",
        chat__b="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from tui.chat.c import C",
        chat__c="import tui.chat.a",
        chat__d="def f():\n    from tui.chat import e",
        chat__e="from tui.chat.d import f",
    )
    assert cycles(tree, also_in_functions=False) == ["tui.chat.a -> tui.chat.b -> tui.chat.c -> tui.chat.a"]
    assert cycles(tree, also_in_functions=True)[1:] == ["tui.chat.d -> tui.chat.e -> tui.chat.d"]


def test_a_name_that_says_nothing_is_noticed(tmp_path: Path) -> None:
    build(tmp_path, chat__text_utils="", ollama__manager="", base="", conversations__base64="")
    assert names_that_say_nothing(tmp_path, "tui") == [
        "tui/base.py says nothing about what it does",
        "tui/chat/text_utils.py says nothing about what it does",
        "tui/ollama/manager.py says nothing about what it does",
    ]


def test_what_an_import_loads_is_noticed(tmp_path: Path) -> None:
    build(tmp_path, engine="import colorsys", chat__turn="def f():\n    import wave")
    loaded = loaded_by(tmp_path, "tui.engine", "tui.chat.turn")
    assert "colorsys" in loaded
    assert "wave" not in loaded


# ---------------------------------------------------------------------- the house keeps them


@pytest.fixture(scope="module")
def house() -> dict[str, Module]:
    return read_tree(REPOSITORY)


def test_every_module_stands_on_a_floor(house: dict[str, Module]) -> None:
    assert len(house) > 10
    assert homeless(house) == []


def test_a_room_imports_its_own_files_and_lower_floors_only(house: dict[str, Module]) -> None:
    assert upward(house) == []


def test_the_two_doors_never_see_each_other(house: dict[str, Module]) -> None:
    assert doors_that_see_each_other(house) == []


def test_every_package_stays_in_its_room(house: dict[str, Module]) -> None:
    assert strangers(house) == []


def test_no_modules_import_each_other(house: dict[str, Module]) -> None:
    assert cycles(house, also_in_functions=False) == []


def test_no_modules_import_each_other_inside_functions(house: dict[str, Module]) -> None:
    assert cycles(house, also_in_functions=True) == []


def test_every_name_says_something() -> None:
    assert names_that_say_nothing(REPOSITORY, "tui", "tests") == []


def test_a_file_of_two_ideas_is_found(tmp_path: Path) -> None:
    (tmp_path / "tui").mkdir()
    (tmp_path / "tui" / "long.py").write_text("x = 1\n" * (LONGEST_LINES + 1))
    (tmp_path / "tui" / "short.py").write_text("x = 1\n" * LONGEST_LINES)
    assert too_long(tmp_path, "tui") == ["tui/long.py has 601 lines, more than 600: split it by idea"]


def test_every_file_has_one_idea() -> None:
    assert too_long(REPOSITORY, "tui", "tests") == []


def test_the_core_runs_without_textual(house: dict[str, Module]) -> None:
    core = [name for name in house if not within(name, "tui.app") and name != "tui.__main__"]
    tops = {name.split(".")[0] for name in loaded_by(REPOSITORY, *core)}
    assert not tops & {"textual", "rich"}


def test_the_first_frame_waits_for_nothing_heavy(house: dict[str, Module]) -> None:
    tops = {name.split(".")[0] for name in loaded_by(REPOSITORY, *(name for name in FIRST if name in house))}
    assert not tops & HEAVY
