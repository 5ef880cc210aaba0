from __future__ import annotations

from tests.chat.rig import MODEL, Rig
from tui.chat.events import Phase, PhaseChanged


async def test_a_cloud_model_is_never_named_as_loading_whatever_its_name() -> None:
    rig = Rig()
    rig.cloud_models.add(MODEL)
    await rig.session.ask("hello")
    call = await rig.engine.next_call()
    await rig.clock.pass_seconds(5)
    assert [event.phase for event in rig.heard(PhaseChanged)] == [Phase.waiting]
    assert rig.engine.list_running_calls == 0
    call.finish()
    await rig.session.settled()
