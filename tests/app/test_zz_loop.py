import pytest
from tests.app.test_servers import test_each_server_with_its_health_and_what_it_has_in_memory as t, other
from tests.app.conftest import *
@pytest.mark.parametrize("n", range(25))
async def test_loop(n, folders, other):
    await t(folders, other)
