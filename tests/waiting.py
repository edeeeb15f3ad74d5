"""Waiting in virtual time, for tests."""

from __future__ import annotations

import asyncio


async def after(seconds: float) -> None:
    """Let virtual time pass, in seconds."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_later(seconds, done.set_result, None)
    await done
