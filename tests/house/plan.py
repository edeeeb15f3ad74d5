"""The plan of the house: floors, doors, third parties, and every named exception to a law, with its reason.

A law that stands in the way of a better design is changed here and in `docs/decisions/`, never worked around.
"""

from __future__ import annotations

FLOORS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "multiformats"}),
    frozenset({"peer"}),
    frozenset({"events"}),
    frozenset({"abc"}),
    frozenset({"limits", "wire", "muxing"}),
    frozenset({"io"}),
    frozenset(
        {
            "multistream",
            "security",
            "muxers",
            "peerstore",
            "resource_manager",
            "connection_manager",
            "protocols",
            "pubsub",
            "discovery",
        }
    ),
    frozenset({"transports", "swarm"}),
    frozenset({"assembly"}),
    frozenset({"host"}),
    frozenset({"simulator"}),
    frozenset({"testing", "cli", "__main__"}),
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ROOMS, HANDS, ASSEMBLY, HOST, SIMULATOR = 6, 7, 8, 9, 10

SHELVES = frozenset({"security", "muxers", "transports", "protocols", "discovery"})
"""Folders whose children are rooms of their own."""

FROM_ROOMS = {"swarm": frozenset({"multistream"}), "transports": frozenset({"security"})}
"""What floor 6 may take from floor 5."""

DOORS = {
    ("multiformats", "errors"): "one tree of errors for the whole house",
    ("transports/webtransport", "transports/quic"): "WebTransport is HTTP/3 on the same QUIC sockets",
    ("__main__", "cli"): "`python -m aiolibp2p` is the command",
}
"""Imports across a wall. Each is named in docs/architecture.md."""

NO_TYPE_CYCLES = frozenset({"abc", "peer"})
"""Rooms in which an import under TYPE_CHECKING counts as any other: what everything else is described in terms of has
an order of its own, so that a reader can begin at the bottom (decision 019).
"""

THIRD_PARTIES_FROM_PEER_UP = frozenset({"cryptography", "google"})
THIRD_PARTY_ROOMS = {
    "OpenSSL": "security/tls",
    "Cryptodome": "security/pnet",
    "websockets": "transports/websocket",
    "dns": "swarm",
    "qh3": "transports/quic",
    "aioquic": "transports/quic",
    "ifaddr": "io",
    "ray": "simulator",
}
"""Each of these is known to one room only."""

OUTER_THIRD_PARTIES = {"cli": frozenset({"uvloop"}), "testing": frozenset({"pytest", "pytest_asyncio", "hypothesis"})}

SHELL_FLOORS = frozenset({"io", "transports", "swarm", "assembly", "host", "simulator", "testing", "cli", "__main__"})
SHELL_MODULES = frozenset({"service", "manager", "sqlite"})
"""Modules of rooms that may use asyncio, as protocols of one module may."""

ONE_MODULE_SHELVES = frozenset({"protocols", "discovery"})
CORES_IN_SHELL_ROOMS = frozenset(
    {
        "swarm/upgrade/upgrade",
        "swarm/connections/handlers",
        "swarm/connections/maker",
        "swarm/connections/table",
        "swarm/dialling/candidates",
        "swarm/dialling/config",
        "swarm/dialling/failures",
        "swarm/dialling/history",
        "swarm/dialling/ranker",
        "swarm/dialling/refusals",
        "swarm/gates",
        "swarm/own_addresses",
        "transports/webrtc/sdp",
        "transports/webrtc/stun",
        "transports/webtransport/certhash",
        "transports/webtransport/handshake",
    }
)

TASK_MODULES = {"io/tasks": "the one place that supervises tasks: it names them, bounds them and logs what they raise"}

CLOCK_AND_RANDOM = {
    "peer/keys": "PrivateKey.generate defaults to the system's entropy, for callers who have no host yet",
    "io/runtime": "the Runtime of the real world",
}
"""Modules below floor 9 that may read a clock or a source of random bits. Everything else asks its Runtime."""

OWN_RANDOMNESS = {
    "peer/rsa": "RSA primes come from OpenSSL, which takes no entropy of ours",
    "security/tls": "certificates and handshakes come from OpenSSL, which takes no entropy of ours",
}
"""Modules (or rooms) that may have a library generate keys."""

FORBIDDEN_NAMES = frozenset(
    {
        "util",
        "utils",
        "common",
        "helper",
        "helpers",
        "type",
        "types",
        "const",
        "constants",
        "misc",
        "shared",
        "protocol",
    }
)

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_CLASS_LINES = 250
MAX_INDENT_LEVELS = 4
MAX_PARAMETERS = 6
MAX_MODULES_PER_FOLDER = 12
MAX_LEVELS = 3


def room(parts: tuple[str, ...]) -> str:
    """The room a module belongs to: `security/noise` for `security/noise/handshake`, `swarm` for `swarm/dialer`."""
    return "/".join(parts[:2]) if parts and parts[0] in SHELVES else "/".join(parts[:1])


def floor(parts: tuple[str, ...]) -> int | None:
    """The floor of a module; None for one the plan does not know, and for the package's own `__init__`."""
    return FLOOR_OF.get(parts[0]) if parts else None


def is_core(parts: tuple[str, ...], *, is_init: bool = False) -> bool:
    """Whether a module is pure: no asyncio."""
    place = "/".join(parts)
    if not parts or place in CORES_IN_SHELL_ROOMS:
        return bool(parts)
    if parts[0] in SHELL_FLOORS:
        return False
    one_module = len(parts) == 2 and parts[0] in ONE_MODULE_SHELVES and not is_init
    return FLOOR_OF.get(parts[0], 0) < ROOMS or not (parts[-1] in SHELL_MODULES or one_module)
