"""What the machine says of its GPUs and memory; nothing of it is there where there is no GPU."""

# ruff: noqa: N802  the driver's own names

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tui.ollama.gpu import Gpu, Machine, MachineReader, has_gpu_device, read_drm, read_memory

GIB = 1 << 30
MEMINFO = "MemTotal:       32768000 kB\nMemFree:         1000000 kB\nMemAvailable:   16384000 kB\nHugePages_Total:  0\n"


class NvmlError(Exception):
    pass


@dataclass
class Nvml:
    """A driver with two cards, one of which has no sensors."""

    calls: list[str] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)
    is_old: bool = False
    is_gone: bool = False
    NVML_TEMPERATURE_GPU: int = 0

    def nvmlInit(self) -> None:
        self.calls.append("init")
        self.threads.add(threading.get_ident())
        if self.is_old:
            raise NvmlError("driver/library version mismatch")

    def nvmlShutdown(self) -> None:
        self.calls.append("shutdown")

    def nvmlDeviceGetCount(self) -> int:
        if self.is_gone:
            raise NvmlError("gpu is lost")
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetName(self, card: int) -> str | bytes:
        return b"NVIDIA L4" if card else "NVIDIA H200"

    def nvmlDeviceGetMemoryInfo(self, card: int) -> Any:
        return SimpleNamespace(total=24 * GIB, used=2 * GIB, free=22 * GIB)

    def nvmlDeviceGetUtilizationRates(self, card: int) -> Any:
        if card:
            raise NvmlError("not supported")
        return SimpleNamespace(gpu=87, memory=20)

    def nvmlDeviceGetTemperature(self, card: int, sensor: int) -> int:
        if card:
            raise NvmlError("not supported")
        return 61

    def nvmlDeviceGetPowerUsage(self, card: int) -> int:
        if card:
            raise NvmlError("not supported")
        return 312_500


def no_package() -> Any:
    raise ImportError("no module named pynvml")


def card(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


async def test_two_cards_and_what_they_do_not_say(tmp_path: Path) -> None:
    nvml = Nvml()
    (tmp_path / "meminfo").write_text(MEMINFO, encoding="utf-8")
    reader = MachineReader(nvml=lambda: nvml, drm=tmp_path / "drm", meminfo=tmp_path / "meminfo")
    machine = await reader.read()
    first, second = machine.gpus
    assert first == Gpu(
        name="NVIDIA H200", total_bytes=24 * GIB, used_bytes=2 * GIB, busy_percent=87, celsius=61, watts=312.5
    )
    assert (second.name, second.busy_percent, second.celsius, second.watts) == ("NVIDIA L4", None, None, None)
    assert machine.gpu_free_bytes == 44 * GIB
    assert machine.ram_free_bytes == 16_384_000 * 1024
    await reader.read()
    await reader.close()
    assert nvml.calls == ["init", "shutdown"]
    assert threading.get_ident() not in nvml.threads


async def test_without_the_package_or_the_driver_there_is_no_gpu(tmp_path: Path) -> None:
    for nvml in (no_package, lambda: Nvml(is_old=True)):
        reader = MachineReader(nvml=nvml, drm=tmp_path / "none", meminfo=tmp_path / "none")
        assert await reader.read() == Machine()
        await reader.close()


async def test_cards_that_fall_off_the_bus_are_gone_until_they_are_back(tmp_path: Path) -> None:
    nvml = Nvml()
    reader = MachineReader(nvml=lambda: nvml, drm=tmp_path / "none", meminfo=tmp_path / "none")
    assert len((await reader.read()).gpus) == 2
    nvml.is_gone = True
    assert (await reader.read()).gpus == ()
    nvml.is_gone = False
    assert len((await reader.read()).gpus) == 2


async def test_many_may_read_one_after_the_other_and_at_once(tmp_path: Path) -> None:
    reader = MachineReader(nvml=Nvml, drm=tmp_path / "none", meminfo=tmp_path / "none")

    async def again_and_again() -> None:
        for _ in range(20):
            assert len((await reader.read()).gpus) == 2

    await asyncio.gather(*(again_and_again() for _ in range(5)))


async def test_a_driver_that_hangs_is_not_asked_again_and_holds_nobody_up(tmp_path: Path) -> None:
    asked, may_answer = 0, threading.Event()

    class Hanging(Nvml):
        def nvmlDeviceGetCount(self) -> int:
            nonlocal asked
            asked += 1
            may_answer.wait(30)
            return 2

    reader = MachineReader(nvml=Hanging, drm=tmp_path / "none", meminfo=tmp_path / "none", patience_seconds=0.02)
    assert await asyncio.gather(*(reader.read() for _ in range(8))) == [Machine()] * 8
    assert await reader.read() == Machine()
    await reader.close()
    assert asked == 1
    may_answer.set()
    while not (await reader.read()).gpus:
        pass
    assert asked <= 2


def test_a_card_that_tells_in_files(tmp_path: Path) -> None:
    card(
        tmp_path / "card1" / "device",
        mem_info_vram_total=f"{16 * GIB}\n",
        mem_info_vram_used=f"{4 * GIB}\n",
        gpu_busy_percent="42\n",
        hwmon__hwmon3__temp1_input="55000\n",
        hwmon__hwmon3__power1_average="120000000\n",
        product_name="Radeon Pro\n",
    )
    card(tmp_path / "card0" / "device", vendor="0x8086\n")
    card(tmp_path / "card1-DP-1" / "device", mem_info_vram_total="1\n")
    assert read_drm(tmp_path) == (
        Gpu(name="Radeon Pro", total_bytes=16 * GIB, used_bytes=4 * GIB, busy_percent=42, celsius=55, watts=120.0),
    )


def test_files_of_rubbish_are_gaps(tmp_path: Path) -> None:
    card(
        tmp_path / "card0" / "device",
        mem_info_vram_total="17179869184",
        mem_info_vram_used="many",
        gpu_busy_percent="9" * 5000,
    )
    (gpu,) = read_drm(tmp_path)
    assert (gpu.name, gpu.used_bytes, gpu.busy_percent, gpu.free_bytes) == ("card0", None, None, None)
    assert Machine(gpus=(gpu,)).gpu_free_bytes is None


def test_memory_that_is_not_told(tmp_path: Path) -> None:
    assert read_memory(tmp_path / "missing") == (None, None)
    file = tmp_path / "meminfo"
    file.write_bytes(b"MemTotal: \xff kB\nMemAvailable: 12 kB\n")
    assert read_memory(file) == (None, 12 * 1024)


@pytest.mark.parametrize("device", ["nvidia0", "nvidiactl", "kfd", "dri/renderD128", "dxg"])
def test_a_device_that_could_compute_is_seen(tmp_path: Path, device: str) -> None:
    assert not has_gpu_device(tmp_path)
    (tmp_path / device).parent.mkdir(exist_ok=True)
    (tmp_path / device).touch()
    assert has_gpu_device(tmp_path)


async def test_a_machine_without_a_card_has_no_memory_of_one(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\n")
    reader = MachineReader(nvml=_no_nvml, drm=tmp_path / "none", meminfo=meminfo, devices=tmp_path)
    assert (await reader.read()).gpu_free_bytes == 0
    (tmp_path / "kfd").touch()
    assert (await reader.read()).gpu_free_bytes is None
    elsewhere = MachineReader(nvml=_no_nvml, drm=tmp_path / "none", meminfo=tmp_path / "no", devices=tmp_path / "no")
    assert (await elsewhere.read()).gpu_free_bytes is None


def _no_nvml() -> object:
    raise ImportError
