"""``models.toml``: options of single models, one table each, which hold in every conversation with them.

::

    ["qwen3:8b"]
    temperature = 0.6
    thinking = "off"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from tui.atomic import FileMissing, make_private_folder, read_bounded, write_atomically
from tui.cleaning import clean_line
from tui.failures import Failure
from tui.settings.options import read_options
from tui.settings.schema import Value
from tui.toml import read_toml

LIMIT_BYTES = 256 * 1024
_EMPTY: Mapping[str, Mapping[str, Value]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    by_model: Mapping[str, Mapping[str, Value]] = field(default_factory=lambda: _EMPTY)
    """By the model's name as the file has it, options by their names."""
    faults: tuple[str, ...] = ()
    """What was left out, and why; clean lines."""

    def of(self, model: str, same_model: Callable[[str, str], bool]) -> Mapping[str, Value]:
        """The options of the model of that name; ``same_model`` says whether two names mean the same one."""
        found = self.by_model.get(model)
        if found is None:
            found = next((one for name, one in self.by_model.items() if same_model(name, model)), None)
        return MappingProxyType({}) if found is None else found


def load_model_options(file: Path) -> ModelOptions:
    """A file that is missing is no fault; a broken one is left as it is. Never raises for what is in it. Blocks."""
    try:
        table = read_toml(read_bounded(file, LIMIT_BYTES, follow_links=True), name=file.name)
    except FileMissing:
        return ModelOptions()
    except Failure as failure:
        return ModelOptions(faults=(clean_line(f"{file.name}: {failure.title}, {failure.message}", 300),))
    complaints: list[str] = []
    found: dict[str, Mapping[str, Value]] = {}
    for name, options in table.items():
        if isinstance(options, dict):
            own: list[str] = []
            found[name] = MappingProxyType(dict(read_options(options, own)))
            complaints += [f"{clean_line(name, 60)}, {one}" for one in own]
        else:
            complaints.append(f'{clean_line(name, 60)}: it needs to be a table, such as ["qwen3:8b"]')
    return ModelOptions(
        by_model=MappingProxyType(found),
        faults=tuple(clean_line(f"{file.name}: {one}", 300) for one in complaints[:10]),
    )


def save_model_option(file: Path, model: str, name: str, value: Value | None) -> None:
    """Sets one option of one model, None takes it out; comments and order stay. Raises ``Failure``. Blocks."""
    import tomlkit

    try:
        data = read_bounded(file, LIMIT_BYTES, follow_links=True)
    except FileMissing:
        data = b""
    _ = read_toml(data, name=file.name)
    document = tomlkit.parse(data.decode())
    table = document.get(model)
    if table is None:
        if value is None:
            return
        table = document[model] = tomlkit.table()
    if not hasattr(table, "items"):
        raise Failure(f"{file.name} is not changed", f"{clean_line(model, 60)} is no table there", "correct it")
    if value is None:
        table.pop(name, None)
    else:
        table[name] = list(value) if isinstance(value, tuple) else value
    if not table:
        document.pop(model)
    try:
        make_private_folder(file.parent)
        write_atomically(file.resolve(), tomlkit.dumps(document).encode())
    except OSError as error:
        cause = (error.strerror or str(error)).lower()
        raise Failure(f"{file} cannot be written", cause, "make room or correct its permissions") from error
