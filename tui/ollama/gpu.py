"""What this machine's GPUs and memory are at, for a server that runs here. Where there is nothing to read, it is absent.

NVIDIA's cards are asked through NVML, for which the extra ``gpu`` brings the package; AMD's drivers and the kernel tell
the rest in files. Everything that waits runs in a thread of its own, one reading at a time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

_MOST_GPUS = 64
_MOST_FILE_BYTES = 64 * 1024
_NAME_CHARACTERS = 80
_CARD = re.compile(r"card\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One card. What it does not say is None."""

    name: str
    total_bytes: int | None = None
    used_bytes: int | None = None
    busy_percent: int | None = None
    celsius: int | None = None
    watts: float | None = None

    @property
    def free_bytes(self) -> int | None:
        if self.total_bytes is None or self.used_bytes is None:
            return None
        return max(0, self.total_bytes - self.used_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is read of a machine at one moment."""

    gpus: tuple[Gpu, ...] = ()
    ram_total_bytes: int | None = None
    ram_free_bytes: int | None = None
    """What programs can still have, caches given back."""
    is_without_gpu: bool = False
    """The system has no device that could compute; False also where nobody can tell."""

    @property
    def gpu_free_bytes(self) -> int | None:
        """Over all cards; None where none of them says it. 0 is never made of not knowing."""
        if self.is_without_gpu:
            return 0
        known = [one.free_bytes for one in self.gpus if one.free_bytes is not None]
        return sum(known) if known else None


def import_nvml() -> Any:
    """The package ``pynvml``. Raises ``ImportError`` without the extra ``gpu``."""
    return import_module("pynvml")


def has_gpu_device(devices: Path) -> bool:
    """Whether Linux has a device of a card that could compute: NVIDIA's, AMD's, or any that renders."""
    patterns = ("nvidia[0-9]*", "nvidiactl", "kfd", "dri/renderD*", "dxg")
    return any(next(devices.glob(pattern), None) is not None for pattern in patterns)


class MachineReader:
    """``await read()`` as often as wanted. Nothing here raises but ``CancelledError``."""

    def __init__(
        self,
        *,
        nvml: Callable[[], Any] = import_nvml,
        drm: Path = Path("/sys/class/drm"),
        meminfo: Path = Path("/proc/meminfo"),
        devices: Path = Path("/dev"),
        patience_seconds: float = 2.0,
    ) -> None:
        self._import_nvml = nvml
        self._drm = drm
        self._meminfo = meminfo
        self._devices = devices
        self._nvml: Any = None
        self._has_looked = False
        self._patience_seconds = patience_seconds
        self._reading: asyncio.Task[Machine] | None = None
        self._last = Machine()

    async def read(self) -> Machine:
        """What holds now. While a driver hangs that is what held before, and nobody asks it a second time."""
        reading = self._reading
        if reading is None or reading.done():
            reading = asyncio.create_task(asyncio.to_thread(self._read), name="reading the machine")
            self._reading = reading
        if await self._is_read(reading):
            # Not that of the attribute: whoever woke up first may have begun the next one.
            self._last = reading.result()
        return self._last

    async def close(self) -> None:
        """Lets go of the driver, unless it hangs."""
        is_free = self._reading is None or await self._is_read(self._reading)
        if is_free and self._nvml is not None:
            await asyncio.to_thread(self._shut_down)

    async def _is_read(self, reading: asyncio.Task[Machine]) -> bool:
        done, _ = await asyncio.wait({reading}, timeout=self._patience_seconds)
        return bool(done)

    def _shut_down(self) -> None:
        nvml, self._nvml = self._nvml, None
        with suppress(Exception):
            nvml.nvmlShutdown()

    def _read(self) -> Machine:
        total_bytes, free_bytes = read_memory(self._meminfo)
        gpus = (*self._read_nvml(), *read_drm(self._drm))
        # Elsewhere than on Linux, which alone has this file of memory, devices have other names.
        is_without_gpu = not gpus and total_bytes is not None and not has_gpu_device(self._devices)
        return Machine(gpus=gpus, ram_total_bytes=total_bytes, ram_free_bytes=free_bytes, is_without_gpu=is_without_gpu)

    def _read_nvml(self) -> tuple[Gpu, ...]:
        if not self._has_looked:
            self._has_looked = True
            # Whatever a driver that is missing, too old or half removed does: then there is no GPU to show.
            with suppress(Exception):
                nvml = self._import_nvml()
                nvml.nvmlInit()
                self._nvml = nvml
        if self._nvml is None:
            return ()
        count = _told(lambda: int(self._nvml.nvmlDeviceGetCount())) or 0
        found = (_nvml_gpu(self._nvml, index) for index in range(min(count, _MOST_GPUS)))
        return tuple(gpu for gpu in found if gpu is not None)


def _nvml_gpu(nvml: Any, index: int) -> Gpu | None:
    card = _told(lambda: nvml.nvmlDeviceGetHandleByIndex(index))
    if card is None:
        return None
    name = _told(lambda: nvml.nvmlDeviceGetName(card)) or "gpu"
    memory = _told(lambda: nvml.nvmlDeviceGetMemoryInfo(card))
    milliwatts = _told(lambda: int(nvml.nvmlDeviceGetPowerUsage(card)))
    return Gpu(
        name=(name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name))[:_NAME_CHARACTERS],
        total_bytes=_told(lambda: int(memory.total)),
        used_bytes=_told(lambda: int(memory.used)),
        busy_percent=_told(lambda: int(nvml.nvmlDeviceGetUtilizationRates(card).gpu)),
        celsius=_told(lambda: int(nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU))),
        watts=None if milliwatts is None else milliwatts / 1000,
    )


def _told(ask: Callable[[], Any]) -> Any:
    """The answer; None for a figure that a card does not have, or when it falls off the bus."""
    try:
        return ask()
    except Exception:  # noqa: BLE001  NVML has an error for everything, and none of them is worth more than a gap
        return None


def read_drm(folder: Path) -> tuple[Gpu, ...]:
    """Cards whose driver tells its memory in files, as AMD's does."""
    try:
        cards = sorted(path for path in folder.iterdir() if _CARD.fullmatch(path.name))
    except OSError:
        return ()
    found = (_drm_gpu(card / "device", card.name) for card in cards[:_MOST_GPUS])
    return tuple(gpu for gpu in found if gpu is not None)


def _drm_gpu(device: Path, name: str) -> Gpu | None:
    total_bytes = _number(device / "mem_info_vram_total")
    if not total_bytes:
        return None
    sensors: list[Path] = []
    with suppress(OSError):
        sensors = sorted((device / "hwmon").iterdir())
    millicelsius = next((value for one in sensors if (value := _number(one / "temp1_input")) is not None), None)
    microwatts = next(
        (
            value
            for one in sensors
            for file in ("power1_average", "power1_input")
            if (value := _number(one / file)) is not None
        ),
        None,
    )
    return Gpu(
        name=(_text(device / "product_name").strip() or name)[:_NAME_CHARACTERS],
        total_bytes=total_bytes,
        used_bytes=_number(device / "mem_info_vram_used"),
        busy_percent=_number(device / "gpu_busy_percent"),
        celsius=None if millicelsius is None else round(millicelsius / 1000),
        watts=None if microwatts is None else microwatts / 1_000_000,
    )


def read_memory(file: Path) -> tuple[int | None, int | None]:
    """Total and free bytes of this machine's memory; None for what is not known."""
    told = dict(re.findall(r"^(\w+):\s+(\d{1,15}) kB$", _text(file), re.MULTILINE))

    def size_bytes(key: str) -> int | None:
        return int(told[key]) * 1024 if key in told else None

    return size_bytes("MemTotal"), size_bytes("MemAvailable")


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(_MOST_FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _number(file: Path) -> int | None:
    text = _text(file).strip()
    return int(text) if re.fullmatch(r"\d{1,18}", text) else None
