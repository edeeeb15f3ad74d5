"""Peers of other implementations as child processes, driven by the JSON lines of interop/README.md.

Each implementation is a subclass in a module of its own (go_peer.py ...), listed in kinds.py.

async with GoPeer(key="rsa") as peer:
    answer = await peer.command("ping", address=str(host.addresses[0]), count=3)
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, TypeAlias

KEY_TYPES = ("ed25519", "secp256k1", "ecdsa", "rsa")

LINE_LIMIT_BYTES = 16 * 1024 * 1024
STDERR_LINES_KEPT = 60
START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
ANSWER_GRACE_S = 5.0


class PeerError(Exception):
    """A command that the peer answered with a failure; `kind` is one of the README's words."""

    def __init__(self, command: str, error: str, kind: str, stderr: str) -> None:
        self.kind = kind
        self.error = error
        super().__init__(f"{command}: {error} ({kind}){stderr}")


class PeerDied(Exception):
    """The peer's process ended, or did not answer, while something was asked of it."""


@dataclass(frozen=True, kw_only=True)
class PeerSettings:
    """The start flags that every peer understands."""

    listen: Sequence[str] = ("/ip4/127.0.0.1/tcp/0",)
    key: str = "ed25519"
    security: Sequence[str] = ("noise",)
    muxer: Sequence[str] = ("yamux",)
    transport: Sequence[str] = ("tcp",)
    psk: str | None = None

    def flags(self) -> list[str]:
        """The settings as command-line arguments."""
        flags = [part for address in self.listen for part in ("--listen", address)]
        flags += ["--key", self.key, "--security", ",".join(self.security), "--muxer", ",".join(self.muxer)]
        flags += ["--transport", ",".join(self.transport)]
        return flags if self.psk is None else [*flags, "--psk", self.psk]


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What an implementation can and how it differs. The defaults are the most there is; what lacks, its peer says."""

    keys: Sequence[str] = KEY_TYPES
    """Types of identity that it can have itself."""
    verifies: Sequence[str] = KEY_TYPES
    """Types of identity that it accepts of others."""
    securities: Sequence[str] = ("noise", "tls", "plaintext")
    muxers: Sequence[str] = ("yamux", "mplex")
    early_muxer: bool = True
    """Whether it agrees on the muxer inside the security handshake, where that has room for it."""
    chooses_dialling_noise: bool = True
    """Whether its own order of muxers counts when it dials over noise; otherwise the listener's, who does not know."""
    has_psk: bool = True
    """Whether it can be in a private network."""
    waits_on_mplex: bool = True
    """Whether a slow reader on mplex holds up its connection; otherwise the stream is lost once its buffer is full."""
    reset_codes: bool = True
    """Whether a reset carries its error code, both ways."""
    hears_resets: bool = True
    """Whether the peer's reader is told that the stream was reset."""
    sends_record: bool = True
    """Whether the peer's identify message holds a signed peer record that we accept."""
    reads_record: bool = True
    """Whether the peer accepts the signed peer record that we send."""
    reads_own_record: bool = True
    """Whether the peer accepts the signed peer record that it sends."""
    observes_peer_id: bool = False
    """Whether the address that its identify message observes ends in a peer id."""
    pushes_protocols: bool = True
    """Whether add_protocol and remove_protocol are followed by an identify push."""
    pushes_addresses: bool = True
    """Whether add_listen is followed by an identify push."""


class Peer:
    """One running peer; subclasses say which program it is. Commands may run at the same time."""

    name: ClassVar[str]
    traits: ClassVar[Traits] = Traits()

    peer_id: str
    addresses: list[str]
    implementation: str

    def __init__(self, **settings: Any) -> None:
        self._settings = PeerSettings(**settings)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._stderr: deque[str] = deque(maxlen=STDERR_LINES_KEPT)
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    def program(cls) -> list[str]:
        """The command that starts the peer, built if need be. Raises ToolchainMissing, BuildFailed."""
        raise NotImplementedError

    @property
    def address(self) -> str:
        """The first address of the peer, with its peer id."""
        return self.addresses[0]

    @property
    def process_id(self) -> int:
        """The id of the peer's process."""
        return self._process.pid

    async def exit_code(self) -> int:
        """What its process ends with, once it has ended."""
        return await self._process.wait()

    def stderr_text(self) -> str:
        """The latest that it wrote to stderr, under a heading; empty if nothing."""
        return "\nits stderr:\n" + "".join(self._stderr) if self._stderr else ""

    async def __aenter__(self) -> Peer:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Start the process and wait until it listens. Raises PeerDied."""
        program = await asyncio.to_thread(self.program)
        environment = {name: value for name, value in os.environ.items() if name != "LIBP2P_FORCE_PNET"}
        self._process = await asyncio.create_subprocess_exec(
            *program,
            *self._settings.flags(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT_BYTES,
            env=environment,
        )
        ready = self._expect(0)
        self._tasks = [asyncio.create_task(self._read_answers()), asyncio.create_task(self._read_stderr())]
        try:
            listening = await self._wait(ready, START_TIMEOUT_S, "start")
        except BaseException:
            await self.close()
            raise
        self.peer_id = listening["peer_id"]
        self.addresses = listening["addresses"]
        self.implementation = listening["implementation"]

    async def close(self) -> None:
        """End the process: by the end of its stdin, and by force if that does not help."""
        stdin = self._process.stdin
        assert stdin is not None
        stdin.close()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await asyncio.gather(*self._tasks)
        if self._stderr:
            sys.stderr.write(f"stderr of the {self.name} peer:\n" + "".join(self._stderr))

    async def command(self, name: str, *, timeout: float = 30.0, **fields: Any) -> dict[str, Any]:
        """Return the peer's answer to one command.

        Raises PeerError when it says no, PeerDied when it says nothing. The peer gives up after `timeout` seconds.
        """
        number = next(self._ids)
        answer = self._expect(number)
        line = json.dumps({"id": number, "cmd": name, "timeout_ms": timeout * 1000, **fields})
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(line.encode() + b"\n")
            await stdin.drain()
        except ConnectionError as error:
            self._answers.pop(number, None)
            answer.cancel()
            raise PeerDied(f"{self.name} peer took no command {name}{self.stderr_text()}") from error
        result = await self._wait(answer, timeout + ANSWER_GRACE_S, name)
        if not result.get("ok"):
            raise PeerError(f"{self.name} {name}", result["error"], result["kind"], self.stderr_text())
        return result

    def _expect(self, number: int) -> asyncio.Future[dict[str, Any]]:
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        return future

    async def _wait(self, answer: asyncio.Future[dict[str, Any]], timeout: float, what: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(timeout):
                return await answer
        except TimeoutError:
            raise PeerDied(f"{self.name} peer: no answer to {what} in {timeout} s{self.stderr_text()}") from None

    async def _read_answers(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        async for line in stdout:
            message = json.loads(line)
            waiting = self._answers.pop(0 if message.get("event") == "listening" else message.get("id"), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        await self._process.wait()
        await self._tasks[1]  # its last words belong into the error
        for waiting in self._answers.values():
            if not waiting.done():
                code = self._process.returncode
                waiting.set_exception(PeerDied(f"{self.name} peer ended with {code}{self.stderr_text()}"))
        self._answers.clear()

    async def _read_stderr(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        async for line in stderr:
            self._stderr.append(line.decode(errors="replace"))


StartPeer: TypeAlias = Callable[..., Awaitable[Peer]]
"""`await start(key="rsa")`: a peer that ends with the test; the keywords are those of PeerSettings."""
