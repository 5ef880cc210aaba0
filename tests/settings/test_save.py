"""A changed setting in a person's own file: everything else in it stays."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.settings.test_schema import a_value_for
from tui.failures import Failure
from tui.settings.load import load_settings
from tui.settings.save import export_settings, import_settings, reset_setting, reset_settings, save_setting
from tui.settings.schema import SETTINGS, Value
from tui.toml import read_toml, write_toml

MINE = """\
# my settings

[appearance]
# like my editor
theme = "nord"  # since spring
# prose_width_columns = 120

# what I talk with
[chat]
model = "qwen3:8b"
future = [1, 2]  # of a newer chinwag
"""


def now() -> datetime:
    return datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "settings.toml"


@pytest.fixture
def mine(file: Path) -> Path:
    file.parent.mkdir()
    file.write_text(MINE)
    return file


def save(file: Path, name: str, value: Value) -> Path | None:
    return save_setting(file, name, value, now=now)


def value_in(file: Path, name: str) -> Value | None:
    return load_settings(file, {}, {}).value(name)


def files_beside(file: Path) -> set[str]:
    return {path.name for path in file.parent.iterdir()}


def test_the_first_change_makes_a_private_file(file: Path) -> None:
    assert save(file, "appearance.theme", "nord") is None
    assert value_in(file, "appearance.theme") == "nord"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert files_beside(file) == {"settings.toml", "settings.lock"}
    save(file, "appearance.motion", value=False)
    save(file, "chat.model", "qwen3:8b")
    assert file.read_text().splitlines()[1:] == [
        "",
        "[appearance]",
        'theme = "nord"',
        "motion = false",
        "",
        "[chat]",
        'model = "qwen3:8b"',
    ]


def test_a_changed_value_keeps_comments_and_order(mine: Path) -> None:
    save(mine, "appearance.theme", "gruvbox")
    assert mine.read_text() == MINE.replace('"nord"', '"gruvbox"')


def test_a_new_key_stands_with_its_table_not_under_the_next_ones_comment(mine: Path) -> None:
    save(mine, "appearance.motion", value=False)
    assert mine.read_text() == MINE.replace("= 120\n", "= 120\nmotion = false\n")


def test_a_new_group_comes_last(mine: Path) -> None:
    save(mine, "storage.format", "toml")
    assert mine.read_text() == MINE + '\n[storage]\nformat = "toml"\n'


def test_a_setting_put_back_leaves_the_file_and_its_default_holds(mine: Path) -> None:
    reset_setting(mine, "appearance.theme", now=now)
    assert mine.read_text() == MINE.replace('theme = "nord"  # since spring\n', "")
    assert value_in(mine, "appearance.theme") == "auto"


def test_putting_back_what_is_not_there_writes_nothing(file: Path) -> None:
    reset_setting(file, "appearance.theme", now=now)
    assert not file.exists()


def test_saving_what_is_there_already_writes_nothing(mine: Path) -> None:
    before = mine.stat()
    save(mine, "appearance.theme", "nord")
    assert (mine.stat().st_ino, mine.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('appearance.theme = "nord"\n[chat]\n', 'appearance.theme = "nord"\nappearance.motion = false\n[chat]\n'),
        ('[appearance]\ntheme = "nord"', '[appearance]\ntheme = "nord"\nmotion = false\n'),
        ("[appearance]\nlater.x = 1", "[appearance]\nlater.x = 1\nmotion = false\n"),
        ("[appearance]\n", "[appearance]\nmotion = false\n"),
        ("[appearance]\n\n# talk\n[chat]\n", "[appearance]\nmotion = false\n\n# talk\n[chat]\n"),
        ('[chat]\nmodel = "m"', '[chat]\nmodel = "m"\n\n[appearance]\nmotion = false\n'),
        ("# only this", "# only this\n\n[appearance]\nmotion = false\n"),
        ("[chat]\r\n", "[chat]\r\n\r\n[appearance]\r\nmotion = false\r\n"),
        ('[appearance]\r\ntheme = "x"\r\n', '[appearance]\r\ntheme = "x"\r\nmotion = false\r\n'),
        ("[appearance]\nmotion = true # hm\n", "[appearance]\nmotion = false # hm\n"),
        ("\ufeff[appearance]\nmotion = true\n", "\ufeff[appearance]\nmotion = false\n"),
        ("[appearance.later]\nx = nan\n", "[appearance]\nmotion = false\n\n[appearance.later]\nx = nan\n"),
    ],
)
def test_every_way_of_writing_toml_is_kept(file: Path, text: str, expected: str) -> None:
    file.parent.mkdir()
    file.write_bytes(text.encode())
    save(file, "appearance.motion", value=False)
    assert file.read_bytes().decode() == expected


def test_an_inline_table_stays_one(file: Path) -> None:
    file.parent.mkdir()
    file.write_text('appearance = { theme = "nord" }\n')
    save(file, "appearance.motion", value=False)
    assert value_in(file, "appearance.theme") == "nord"
    assert value_in(file, "appearance.motion") is False
    assert len(file.read_text().splitlines()) == 1


@pytest.mark.parametrize("text", ["appearance = 3\n", "[[appearance]]\ntheme = 'nord'\n"])
def test_a_file_that_cannot_be_edited_in_place_says_so_and_stays(file: Path, text: str) -> None:
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(Failure, match=r"write motion under \[appearance\] by hand"):
        save(file, "appearance.motion", value=False)
    assert file.read_text() == text


def test_a_broken_file_is_copied_before_it_is_replaced(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"[appearance\n\xff")
    copy = save(file, "appearance.theme", "nord")
    assert copy == file.with_name("settings.toml.bad-20261121T123000Z")
    assert copy.read_bytes() == b"[appearance\n\xff"
    assert value_in(file, "appearance.theme") == "nord"
    assert save(file, "appearance.theme", "gruvbox") is None
    file.write_bytes(b"broken again")
    second = save(file, "appearance.theme", "nord")
    assert second is not None
    assert (copy.read_bytes(), second.read_bytes()) == (b"[appearance\n\xff", b"broken again")


def test_without_hard_links_the_copy_is_made_all_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: Any) -> NoReturn:
        raise PermissionError(errno.EPERM, "no links here")

    file.parent.mkdir()
    file.write_bytes(b"[")
    monkeypatch.setattr(os, "link", no_links)
    first = save(file, "appearance.theme", "nord")
    file.write_bytes(b"[[")
    second = save(file, "appearance.theme", "nord")
    assert first is not None
    assert second is not None
    assert (first.read_bytes(), second.read_bytes()) == (b"[", b"[[")


def test_a_file_too_large_to_read_is_kept_whole(file: Path) -> None:
    file.parent.mkdir()
    data = b"# " + b"x" * 400_000
    file.write_bytes(data)
    copy = save(file, "appearance.theme", "nord")
    assert copy is not None
    assert copy.read_bytes() == data
    assert value_in(file, "appearance.theme") == "nord"


def test_a_change_that_would_make_the_file_too_large_is_refused(file: Path) -> None:
    file.parent.mkdir()
    text = "# " + "x" * (256 * 1024 - 4) + "\n"
    file.write_text(text)
    with pytest.raises(Failure, match="would exceed 256 KB"):
        save(file, "appearance.theme", "nord")
    assert file.read_text() == text


def test_what_is_no_regular_file_is_refused(file: Path) -> None:
    file.parent.mkdir()
    os.mkfifo(file)
    with pytest.raises(Failure, match="not a regular file"):
        save(file, "appearance.theme", "nord")
    assert stat.S_ISFIFO(file.stat().st_mode)


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles" / "chinwag.toml"
    real.write_text(MINE)
    real.chmod(0o644)
    link = tmp_path / "settings.toml"
    link.symlink_to("dotfiles/chinwag.toml")
    save(link, "appearance.theme", "gruvbox")
    assert link.is_symlink()
    assert real.read_text() == MINE.replace('"nord"', '"gruvbox"')
    assert stat.S_IMODE(real.stat().st_mode) == 0o644


@pytest.mark.parametrize(("name", "value"), [("appearance.thme", "nord"), ("appearance.motion", "yes")])
def test_a_wrong_change_is_refused_before_anything_is_touched(file: Path, name: str, value: Value) -> None:
    with pytest.raises(Failure):
        save(file, name, value)
    assert not file.parent.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file")
    with pytest.raises(Failure, match="cannot be used"):
        save(tmp_path / "config" / "settings.toml", "appearance.theme", "nord")


def test_a_full_disk_leaves_the_old_file(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(Failure, match=r"appearance\.theme cannot be kept.*no space left"):
            save(mine, "appearance.theme", "gruvbox")
    assert mine.read_text() == MINE
    assert files_beside(mine) == {"settings.toml", "settings.lock"}


def test_two_at_once_keep_each_others_changes(file: Path) -> None:
    def change(name: str, values: list[Value]) -> None:
        for value in values:
            save_setting(file, name, value, now=now, patience_seconds=60)

    work: list[tuple[str, list[Value]]] = [
        ("appearance.prose_width_columns", list(range(100, 121))),
        ("chat.model", [f"model-{number}" for number in range(21)]),
        ("appearance.motion", [number % 2 == 1 for number in range(21)]),
    ]
    threads = [threading.Thread(target=change, args=job) for job in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [value_in(file, name) for name, _ in work] == [120, "model-20", False]
    assert files_beside(file) == {"settings.toml", "settings.lock"}


def test_a_lock_that_another_holds_is_waited_for_and_then_named(mine: Path) -> None:
    with (mine.parent / "settings.lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Failure, match="the settings are in use"):
            save_setting(mine, "appearance.theme", "gruvbox", now=now, patience_seconds=0)
        assert mine.read_text() == MINE
        waiting = threading.Thread(
            target=save_setting,
            args=(mine, "appearance.theme", "gruvbox"),
            kwargs={"now": now, "patience_seconds": 60},
        )
        waiting.start()
        fcntl.flock(held, fcntl.LOCK_UN)
        waiting.join()
    assert value_in(mine, "appearance.theme") == "gruvbox"


def test_where_there_are_no_locks_a_setting_is_kept_all_the_same(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: Any) -> NoReturn:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    save(mine, "appearance.theme", "gruvbox")
    assert value_in(mine, "appearance.theme") == "gruvbox"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(data=st.data())
def test_what_was_saved_is_what_is_loaded(tmp_path: Path, data: st.DataObject) -> None:
    file = tmp_path / f"{len(list(tmp_path.iterdir()))}" / "settings.toml"
    changes = data.draw(
        st.lists(st.sampled_from(SETTINGS).flatmap(lambda s: st.tuples(st.just(s.name), a_value_for(s))))
    )
    for name, value in changes[:4]:
        save(file, name, value)
    found = load_settings(file, {}, {})
    assert found.faults == ()
    assert {name: found.value(name) for name, _ in changes[:4]} == dict(changes[:4])


def test_a_key_of_a_command_keeps_the_way_its_name_is_written(file: Path) -> None:
    save(file, "keys.model.choose", ("f5",))
    assert file.read_text().endswith('[keys]\n"model.choose" = ["f5"]\n')
    save(file, "keys.quit", ())
    assert load_settings(file, {}, {}).keys == {"model.choose": ("f5",), "quit": ()}
    file.write_text("[keys]\n# mine\nmodel.choose = 'f5' # there\nquit = ''\n")
    save(file, "keys.model.choose", ("f6", "f7"))
    assert file.read_text() == '[keys]\n# mine\nmodel.choose = ["f6", "f7"] # there\nquit = \'\'\n'
    reset_setting(file, "keys.model.choose", now=now)
    assert load_settings(file, {}, {}).keys == {"quit": ()}


def test_a_number_that_is_not_set_any_more_leaves_the_file(file: Path) -> None:
    save(file, "generation.temperature", 0)
    save(file, "generation.stop", ("###", "\n\n"))
    assert file.read_text().endswith('[generation]\ntemperature = 0.0\nstop = ["###", "\\n\\n"]\n')
    reset_setting(file, "generation.temperature", now=now)
    assert value_in(file, "generation.temperature") is None
    assert value_in(file, "generation.stop") == ("###", "\n\n")


LINES = st.sampled_from(
    [
        *MINE.splitlines(),
        "[appearance]",
        "[chat]",
        "[other]",
        "[chat.sub]",
        "[[list]]",
        "appearance.motion = true",
        'server.host = "a"',
        "motion = true",
        "motion = { a = 1 }",
        "chat = { model = 'x' }",
        "  model = '''",
        "'''",
        "sub.key = 1",
        "",
        "\t# indented",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(lines=st.lists(LINES, max_size=12), change=st.sampled_from([("appearance.motion", False), ("chat.model", "m")]))
def test_any_file_keeps_everything_else_or_stays_or_is_copied(
    tmp_path: Path, lines: list[str], change: tuple[str, Value]
) -> None:
    file = tmp_path / f"{len(list(tmp_path.iterdir()))}" / "settings.toml"
    file.parent.mkdir()
    old = "\n".join(lines).encode()
    file.write_bytes(old)
    name, value = change
    try:
        copy = save(file, name, value)
    except Failure as failure:
        assert "by hand" in failure.advice
        assert file.read_bytes() == old
        return
    new = file.read_bytes()
    group, _, key = name.partition(".")
    if copy is not None:
        assert copy.read_bytes() == old
        assert value_in(file, name) == value
        return
    expected = read_toml(old, name="old")
    replaced = str(expected.setdefault(group, {}).get(key, ""))
    expected[group][key] = value
    assert read_toml(new, name="new") == expected
    assert new.count(b"#") >= old.count(b"#") - replaced.count("#")
    assert write_toml(expected)


# The file as a whole


def test_a_file_is_taken_over_with_its_comments_and_the_one_before_is_kept(tmp_path: Path) -> None:
    file, source = tmp_path / "config" / "settings.toml", tmp_path / "mine.toml"
    source.write_text("# mine\n[generation]\nseed = 3\n")
    assert import_settings(file, source, now=now) is None
    assert file.read_text() == source.read_text()
    source.write_text("[generation]\nseed = 4\n")
    aside = import_settings(file, source, now=now)
    assert aside is not None
    assert aside.read_text() == "# mine\n[generation]\nseed = 3\n"
    assert import_settings(file, aside, now=now) is not None
    assert "seed = 3" in file.read_text()


def test_a_file_with_a_fault_is_not_taken_over_and_key_and_line_are_named(tmp_path: Path) -> None:
    file, source = tmp_path / "settings.toml", tmp_path / "mine.toml"
    file.write_text("[generation]\nseed = 1\n")
    source.write_text("[generation]\nseed = 2\ntemprature = 1\n")
    with pytest.raises(Failure, match=r"line 3: generation\.temprature"):
        import_settings(file, source, now=now)
    with pytest.raises(Failure, match="missing"):
        import_settings(file, tmp_path / "none.toml", now=now)
    assert file.read_text() == "[generation]\nseed = 1\n"


def test_every_setting_goes_back_and_what_was_there_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    assert reset_settings(file, now=now) is None
    file.write_text("[generation]\nseed = 1\n")
    aside = reset_settings(file, now=now)
    assert not file.exists()
    assert aside is not None
    assert "seed = 1" in aside.read_text()


def test_a_copy_goes_out_and_over_nothing_that_is_there(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    (tmp_path / "out").mkdir()
    assert export_settings(file, tmp_path / "empty.toml").read_text() == ""
    file.write_text("# mine\n")
    assert export_settings(file, tmp_path / "out") == tmp_path / "out" / "settings.toml"
    with pytest.raises(Failure, match="already"):
        export_settings(file, tmp_path / "out")
    assert export_settings(file, tmp_path / "out", replaces=True).read_text() == "# mine\n"
