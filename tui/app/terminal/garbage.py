"""The garbage collector, kept from stopping the screen in the middle of an answer."""

from __future__ import annotations

import gc

_THRESHOLDS = (20_000, 50, 1_000)


def calm_garbage_collection() -> None:
    """To be called once, when everything is imported and the first screen is up.

    The start may have switched it off. What lives then lives to the end and is not looked at again; what comes later is looked at less often. A full
    collection over a loaded app takes a tenth of a second.
    """
    gc.collect()
    gc.freeze()
    gc.enable()
    gc.set_threshold(*_THRESHOLDS)
