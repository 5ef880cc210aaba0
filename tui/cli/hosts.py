"""``chinwag hosts``: the servers that are written down, and how each of them is."""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial

from tui.chat.servers import ServerLook
from tui.cli.door import Door, Exit
from tui.cli.parsing import count
from tui.failures import Failure
from tui.metrics.wording import seconds_text
from tui.settings.hosts import NamedHost, put_host, remove_host
from tui.theming.nearest import nearest
from tui.workspace import Workspace

_SAYS_WHERE = re.compile(r"[:/.]|^localhost$")
"""What an address has and a mistyped name has not."""

Act = Callable[[argparse.Namespace, Door, Workspace], Awaitable[int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    words = parser.add_subparsers(dest="act", metavar="COMMAND", required=True)
    listing = words.add_parser("list", help="every server by name, with how it is")
    listing.add_argument("--no-look", action="store_true", help="do not ask them")
    add = words.add_parser("add", help="write a server down, or change one")
    add.add_argument("name", metavar="NAME")
    add.add_argument("address", metavar="URL")
    add.add_argument("--key-variable", metavar="NAME", default="", help="the environment variable that holds its key")
    add.add_argument("--ca-file", metavar="FILE", default="", help="a certificate to be trusted for this server alone")
    add.add_argument(
        "--allow-plain-http", action="store_true", help="its key may travel unencrypted to another machine"
    )
    add.add_argument("--memory-bytes", type=count, metavar="N", help="of its GPUs, to say what fits")
    words.add_parser("rm", help="forget a server").add_argument("name", metavar="NAME")
    words.add_parser("use", help="ask this one from the next start on").add_argument("name", metavar="NAME")


async def run(arguments: argparse.Namespace, door: Door) -> int:
    acts: dict[str, Act] = {"list": _list, "add": _add, "rm": _remove, "use": _use}
    async with door.library() as workspace:
        return await acts[arguments.act](arguments, door, workspace)


async def _list(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    servers = workspace.servers
    named = servers.book.hosts
    for fault in servers.book.faults:
        door.warn(fault)
    if not named:
        door.talk("no server is written down; chinwag hosts add NAME URL does")
        return Exit.well
    looks: list[ServerLook | None] = [None] * len(named)
    if not arguments.no_look:
        looks = list(await asyncio.gather(*(servers.look_at(one.host) for one in named)))
    if door.as_json:
        for one, look in zip(named, looks, strict=True):
            await door.value(_as_value(one, look))
    else:
        rows = [(one.name, one.address, *_words(look)) for one, look in zip(named, looks, strict=True)]
        await door.table(("name", "address", "state", "version", "in memory"), rows)
    return Exit.failed if any(look is not None and look.failure is not None for look in looks) else Exit.well


def _words(look: ServerLook | None) -> tuple[str, str, str]:
    if look is None:
        return "", "", ""
    if look.health is None:
        return ("no answer" if look.failure is None else look.failure.title), "", ""
    loaded = ", ".join(model.name for model in look.running)
    return f"answers in {seconds_text(look.health.answered_in_seconds)}", look.health.version, loaded


def _as_value(one: NamedHost, look: ServerLook | None) -> dict[str, object]:
    value: dict[str, object] = {"name": one.name, "address": one.address}
    if look is not None and look.health is not None:
        value |= {"version": look.health.version, "answered_in_seconds": look.health.answered_in_seconds}
        value["in_memory"] = [model.name for model in look.running]
    if look is not None and look.failure is not None:
        value["failure"] = str(look.failure)
    return value


async def _add(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    host = NamedHost(
        name=arguments.name,
        address=arguments.address,
        api_key_variable=arguments.key_variable,
        ca_file=arguments.ca_file,
        allow_plain_http=arguments.allow_plain_http,
        memory_bytes=arguments.memory_bytes,
    )
    known = workspace.servers.book.find(host.name)
    await workspace.servers.change(partial(put_host, host=host, instead_of=known.name if known else ""))
    await door.done(f"{host.name} is {host.host.url}", {"name": host.name, "address": host.host.url})
    return Exit.well


async def _remove(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    if workspace.servers.book.find(arguments.name) is None:
        near = nearest(arguments.name, [one.name for one in workspace.servers.book.hosts])
        raise Failure(f"no server is called {arguments.name}{near}", "", "chinwag hosts list has their names")
    await workspace.servers.change(partial(remove_host, name=arguments.name))
    was_asked = workspace.loaded.settings.server.host == arguments.name
    value = {"name": arguments.name, "is_removed": True, "was_the_one_asked": was_asked}
    await door.done(f"{arguments.name} is forgotten", value)
    if was_asked:
        await workspace.change_setting("server.host", None)
        door.talk("it was the one that is asked; from now on the usual one is")
    return Exit.well


async def _use(arguments: argparse.Namespace, door: Door, workspace: Workspace) -> int:
    named = workspace.servers.book.find(arguments.name)
    if named is None and not _SAYS_WHERE.search(arguments.name):
        hosts = [one.name for one in workspace.servers.book.hosts]
        raise Failure(
            f"no server is called {arguments.name}{nearest(arguments.name, hosts)}",
            "",
            "chinwag hosts list has their names; an address needs its port or http://",
        )
    host = workspace.servers.host_called(arguments.name)
    await workspace.change_setting("server.host", host.url if named is None else named.name)
    words = f"{host.name} is asked from now on; chinwag config reset server.host takes that back"
    await door.done(words, {"name": host.name, "address": host.url, "is_asked": True})
    return Exit.well
