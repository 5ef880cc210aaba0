"""Where a fault of chinwag's own goes when the work around it has to go on."""

from __future__ import annotations

import asyncio


def report_fault(error: BaseException, *, during: str) -> None:
    """Hands the error to the event loop's exception handler, which logs it unless the program set another one."""
    asyncio.get_running_loop().call_exception_handler({"message": f"a fault while {during}", "exception": error})


def report_fault_of(task: asyncio.Task[None]) -> None:
    """A done callback, for tasks whose result nobody waits for."""
    if not task.cancelled() and (error := task.exception()) is not None:
        report_fault(error, during=task.get_name())
