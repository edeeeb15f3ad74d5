"""A small shared notice board: one node has values by key, another one asks for them."""

import asyncio

from aiolibp2p import Host, PeerId
from aiolibp2p.protocols.fetch import Fetch

NOTICES = {b"/board/today": b"tea at four", b"/board/rules": b""}


async def notice(key: bytes, peer: PeerId) -> bytes | None:
    """Look a key up for the peer that asks; None is "not found"."""
    return NOTICES.get(key)


async def guest_book(key: bytes, peer: PeerId) -> bytes | None:
    """Answer everybody something else."""
    return f"welcome, {peer}".encode()


async def main() -> None:
    board, reader = Fetch(), Fetch()
    board.register("/board/", notice)
    board.register("/board/guests/", guest_book)  # the longest prefix decides
    async with Host(listen=["/ip4/127.0.0.1/tcp/0"], services=[board]) as server, Host(services=[reader]):
        address = server.addresses[0]
        print("today:", await reader.fetch(address, "/board/today"))
        print("rules:", await reader.fetch(address, "/board/rules"))
        print("tomorrow:", await reader.fetch(address, "/board/tomorrow"))
        print("guests:", await reader.fetch(address, "/board/guests/me"))


asyncio.run(main())
