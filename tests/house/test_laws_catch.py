"""Every law catches what it forbids, and spares its good neighbour: a law that sees nothing holds nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from house import floors, graph, hazards, naming, order, plan, sizes, testing_manners, tongue, tracked
from house.laws import TRACKED_LAWS, TREE_LAWS, TrackedLaw, TreeLaw
from house.source import Tree

SRC = "src/aiolibp2p/"


@dataclass(frozen=True)
class Case:
    """Files by path, one text each, that a law must refuse, and files that it must accept."""

    law: TreeLaw
    bad: Mapping[str, str]
    good: Mapping[str, str]


def _core(text: str) -> dict[str, str]:
    return {f"{SRC}pubsub/mesh.py": text}


def _shell(text: str) -> dict[str, str]:
    return {f"{SRC}swarm/swarm.py": text}


def _function(lines: int) -> str:
    return "def f():\n" + "    x = 1\n" * (lines - 1)


def _in_folders(folder: str) -> dict[str, str]:
    return {f"{SRC}{folder}/mesh.py": "", f"{SRC}{folder}/__init__.py": ""}


def _nested(levels: int) -> str:
    return "".join("    " * level + "if x:\n" for level in range(levels)) + "    " * levels + "pass\n"


def _folder(modules: int) -> dict[str, str]:
    return {f"{SRC}swarm/part{number}.py": "" for number in range(modules)} | {f"{SRC}swarm/__init__.py": ""}


CASES = [
    Case(
        floors.floors,
        {f"{SRC}peer/keys.py": "from aiolibp2p.abc import runtime\n", f"{SRC}abc/runtime.py": ""},
        {f"{SRC}abc/runtime.py": "from aiolibp2p.peer import keys\n", f"{SRC}peer/keys.py": ""},
    ),
    Case(
        floors.floors,
        {f"{SRC}security/noise/x.py": "import aiolibp2p.security.tls\n", f"{SRC}security/tls/__init__.py": ""},
        {f"{SRC}security/noise/x.py": "import aiolibp2p.security.noise.y\n", f"{SRC}security/noise/y.py": ""},
    ),
    Case(
        floors.floors,
        {f"{SRC}protocols/ping.py": "def f():\n    from ..pubsub import mesh\n", f"{SRC}pubsub/mesh.py": ""},
        {f"{SRC}multiformats/cid.py": "from ..errors import FormatError\n", f"{SRC}errors.py": ""},
    ),
    Case(
        floors.floors,
        {f"{SRC}protocols/ping.py": "from aiolibp2p.protocols import perf\n", f"{SRC}protocols/perf.py": ""},
        {
            f"{SRC}swarm/upgrade/upgrade.py": "from aiolibp2p.multistream import negotiator\n",
            f"{SRC}multistream/negotiator.py": "",
        },
    ),
    Case(
        floors.floors,
        {
            f"{SRC}swarm/upgrade/upgrade.py": "from aiolibp2p.security import noise\n",
            f"{SRC}security/noise/__init__.py": "",
        },
        {f"{SRC}transports/quic/x.py": "from aiolibp2p.security import tls\n", f"{SRC}security/tls/__init__.py": ""},
    ),
    Case(
        floors.floors,
        {f"{SRC}host.py": "from aiolibp2p.swarm.swarm import Swarm\n", f"{SRC}swarm/swarm.py": ""},
        {f"{SRC}host.py": "from aiolibp2p.assembly import Parts\n", f"{SRC}assembly.py": ""},
    ),
    Case(
        floors.floors,
        {f"{SRC}swarm/swarm.py": "from aiolibp2p import Host\n", f"{SRC}__init__.py": ""},
        {f"{SRC}cli/main.py": "from aiolibp2p import Host\n", f"{SRC}__init__.py": ""},
    ),
    Case(
        floors.floors,
        {
            f"{SRC}assembly.py": "import importlib\nimportlib.import_module('aiolibp2p.cli')\n",
            f"{SRC}cli/__init__.py": "",
        },
        {
            f"{SRC}assembly.py": "import importlib\nimportlib.import_module('aiolibp2p.io')\n",
            f"{SRC}io/__init__.py": "",
        },
    ),
    Case(
        floors.floors,
        {f"{SRC}attic/box.py": ""},
        {f"{SRC}__main__.py": "import aiolibp2p.cli\n", f"{SRC}cli/__init__.py": ""},
    ),
    Case(
        floors.front_door,
        {f"{SRC}__init__.py": "from aiolibp2p.cli import main\n"},
        {f"{SRC}__init__.py": "from aiolibp2p.host import Host\n"},
    ),
    Case(
        floors.third_parties,
        {f"{SRC}multiformats/cid.py": "import cryptography\n"},
        {f"{SRC}peer/keys.py": "from cryptography import x509\nfrom google import protobuf\n"},
    ),
    Case(
        floors.third_parties,
        {f"{SRC}security/noise/handshake.py": "from OpenSSL import SSL\n"},
        {f"{SRC}security/tls/handshake.py": "from OpenSSL import SSL\n"},
    ),
    Case(floors.declared, _shell("import no_such_distribution\n"), _shell("import cryptography, json\n")),
    Case(
        floors.asyncio_in_cores,
        _core("import asyncio\n"),
        _core("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import asyncio\n"),
    ),
    Case(
        floors.asyncio_in_cores,
        {f"{SRC}protocols/identify/__init__.py": "import asyncio\n"},
        {f"{SRC}protocols/identify/service.py": "import asyncio\n", f"{SRC}protocols/ping.py": "import asyncio\n"},
    ),
    Case(
        floors.asyncio_in_cores,
        {f"{SRC}swarm/dialling/ranker.py": "from asyncio import sleep\n"},
        _shell("import asyncio\n"),
    ),
    Case(sizes.file_lines, _core("x = 1\n" * 501), _core("x = 1\n" * 500)),
    Case(sizes.function_lines, _core(_function(61)), _core(_function(60))),
    Case(sizes.class_lines, _core("class A:\n" + "    x = 1\n" * 250), _core("class A:\n" + "    x = 1\n" * 249)),
    Case(
        sizes.indent,
        _core(_nested(5)),
        _core(_nested(4)),
    ),
    Case(
        sizes.parameters,
        _core("def f(a, b, c, d, *, e, f, g): ...\n"),
        _core("def f(self, a, b, c, d, *, e, f): ...\n"),
    ),
    Case(sizes.folders, _folder(13), _folder(12)),
    Case(sizes.folders, _in_folders("pubsub/gossipsub/deep"), _in_folders("pubsub/gossipsub")),
    Case(sizes.folders, {f"{SRC}abc/stream.py": ""}, _in_folders("abc")),
    Case(
        hazards.broad_except,
        _core("try:\n    f()\nexcept (OSError, Exception):\n    pass\n"),
        _core("try:\n    f()\nexcept Exception:\n    g()\n    raise\n"),
    ),
    Case(
        hazards.broad_except,
        _core("try:\n    f()\nexcept:\n    pass\n"),
        {f"{SRC}io/tasks.py": "try:\n    f()\nexcept Exception:\n    pass\n"},
    ),
    Case(
        hazards.unbounded_queue,
        _shell("import asyncio as aio\nq = aio.Queue[int]()\n"),
        _shell("import asyncio\nq = asyncio.Queue(maxsize=9)\n"),
    ),
    Case(hazards.unbounded_queue, _shell("from asyncio import Queue\nq = Queue(0)\n"), _shell("q = Queue()\n")),
    Case(
        hazards.bare_task,
        _shell("import asyncio\nasyncio.get_running_loop().create_task(f())\n"),
        {f"{SRC}io/tasks.py": "import asyncio\nasyncio.create_task(f())\n"},
    ),
    Case(
        hazards.bare_task,
        _shell("from asyncio import create_task\ncreate_task(f())\n"),
        _shell("self.tasks.spawn(f())\n"),
    ),
    Case(
        hazards.clock_and_random,
        _core("from time import monotonic as m\nm()\n"),
        _core("import time\ntime.gmtime(0)\ndef f(runtime): return runtime.now()\n"),
    ),
    Case(
        hazards.clock_and_random,
        _core("import random\nrandom.choice(x)\n"),
        _core("import random\nrandom.Random(seed)\n"),
    ),
    Case(
        hazards.clock_and_random,
        _core("from random import Random\nRandom()\n"),
        {f"{SRC}peer/keys.py": "import os\nos.urandom(1)\n"},
    ),
    Case(
        hazards.clock_and_random,
        _core("import datetime as d\nd.datetime.now()\n"),
        {f"{SRC}simulator/loop.py": "import time\ntime.time()\n"},
    ),
    Case(
        hazards.clock_and_random,
        _core("from cryptography.x import Ed25519PrivateKey as K\nK.generate()\n"),
        {f"{SRC}peer/rsa.py": "from cryptography.x import rsa\nrsa.generate_private_key()\n"},
    ),
    Case(
        hazards.environment,
        _shell("import os\nos.environ['A']\n"),
        {f"{SRC}cli/main.py": "import os\nos.environ['A']\n"},
    ),
    Case(
        hazards.foreign_private,
        _core("class A:\n    def f(self, b): return b._x\n"),
        _core(
            "class A:\n    def __init__(self): self._x = 1\n    def __eq__(self, other): return self._x == other._x\n"
        ),
    ),
    Case(
        hazards.foreign_private,
        _core("from aiolibp2p.errors import _x\n"),
        _core("from __future__ import annotations\n"),
    ),
    Case(order.set_order, _core("for x in {1, 2}: ...\n"), _core("for x in sorted({1, 2}): ...\n")),
    Case(
        order.set_order,
        _core("def f(peers: set[int] | None): return list(peers)\n"),
        _core("def f(peers: set[int]): return len(peers), all(p for p in peers), 3 in peers\n"),
    ),
    Case(
        order.set_order,
        _core("class A:\n    def g(self):\n        self.p: set[int] = set()\n    def f(self): return self.p.pop()\n"),
        _core(
            "class A:\n    def __init__(self):\n        self.p: list[int] = []\n    def f(self): return self.p.pop()\n"
        ),
    ),
    Case(
        order.set_order,
        _shell("import asyncio\nasync def f(ts):\n    done, _ = await asyncio.wait(ts)\n    for t in done: ...\n"),
        _shell(
            "import asyncio\nasync def f(ts):\n    done, _ = await asyncio.wait(ts)\n    all(t in done for t in ts)\n"
        ),
    ),
    Case(order.set_order, _core("a = {}\nfor x in a.keys() - b: ...\n"), _core("a = {}\nfor x in a: ...\n")),
    Case(
        order.set_order,
        _core("s = frozenset(x)\ny = [a for a in s | t]\n"),
        _core("s = frozenset(x)\ny = {a for a in s}\n"),
    ),
    Case(
        order.task_group,
        _shell("import asyncio\nasyncio.TaskGroup()\n"),
        _shell("import asyncio\nasyncio.timeout(1)\n"),
    ),
    Case(
        graph.cycles,
        {f"{SRC}pubsub/a.py": "import aiolibp2p.pubsub.b\n", f"{SRC}pubsub/b.py": "def f():\n    from . import a\n"},
        {
            f"{SRC}pubsub/a.py": "import aiolibp2p.pubsub.b\n",
            f"{SRC}pubsub/b.py": "import typing\nif typing.TYPE_CHECKING:\n    from aiolibp2p.pubsub import a\n",
        },
    ),
    Case(
        graph.type_cycles,
        {
            f"{SRC}peer/keys.py": "import aiolibp2p.peer.peer_id\n",
            f"{SRC}peer/peer_id.py": "import typing\nif typing.TYPE_CHECKING:\n    from aiolibp2p.peer import keys\n",
        },
        {
            f"{SRC}peer/keys.py": "import typing\nif typing.TYPE_CHECKING:\n    from aiolibp2p.peer import peer_id\n",
            f"{SRC}peer/peer_id.py": "import typing\n",
        },
    ),
    Case(
        graph.unused_modules,
        {f"{SRC}peer/keys.py": ""},
        {f"{SRC}peer/keys.py": "", f"{SRC}simulator/loop.py": "from aiolibp2p.peer.keys import PublicKey\n"},
    ),
    Case(
        graph.unused_modules,
        {f"{SRC}pubsub/__init__.py": "from aiolibp2p.pubsub.mesh import Mesh\n", f"{SRC}pubsub/mesh.py": ""},
        {f"{SRC}pubsub/__init__.py": "", f"{SRC}cli/x.py": "LAZY = 'aiolibp2p.pubsub'\n"},
    ),
    Case(naming.module_names, {"tests/pubsub/test_utils.py": ""}, {f"{SRC}pubsub/router.py": ""}),
    Case(
        naming.class_names,
        _core("class Protocol: ...\n"),
        _core("from typing import Protocol\nclass Mesh(Protocol): ...\n"),
    ),
    Case(naming.unfinished, _core("x = 1  # FIX" + "ME later\n"), _core("x = 'FIX" + "ME'\n")),
    Case(naming.docstrings, _core("x = 1\n"), _core('"""What it is."""\n')),
    Case(naming.docstrings, _core('"""A."""\ndef f(): ...\n'), _core('"""A."""\ndef _f(): ...\n')),
    Case(
        naming.docstrings,
        _core('"""A."""\nclass B:\n    """B."""\n    def f(self): ...\n'),
        _core(
            '"""A."""\nclass B:\n    """B."""\n    def f(self):\n        """F."""\n'
            'class C(B):\n    """C."""\n    def f(self): ...\n'
        ),
    ),
    *(
        Case(tongue.first_words, _core(f'"""{bad}"""\n'), _core(f'"""{good}"""\n'))
        for bad, good in [
            ("Of all peers together.", "Addresses of all peers together."),
            ("So the tests do not pass because nothing does.", "Some records are taken, so the tests do not pass."),
            ("The same, in place.", "The sealed bytes lie in place."),
            ("Its public half.", "Items are kept in order."),
            ("See `Node.crash`.", "Seeds as people type them."),
            ("As `call_soon`: there are no threads.", "Assert that there are no threads."),
            ("For the next byte, in seconds.", "Force the next byte out."),
            ("It has caught up.", "`It` is a name here."),
        ]
    ),
    Case(
        tongue.first_words,
        _core('"""A mesh."""\nLIMIT = 5\n"""Of one peer, not more."""\n'),
        _core('"""A mesh."""\nLIMIT = 5\n"""The most of one peer."""\nx = f()\ng("Of no concern.")\n'),
    ),
    Case(
        tongue.first_words,
        _core("class A:\n    def f(self):\n        self.x = 1\n        '''With /p2p at the end.'''\n"),
        _core('"""A mesh of peers."""\nx = "Of no concern."\n'),
    ),
    Case(
        tongue.riddles,
        _core('"""Take so many bytes from it."""\n'),
        _core('"""Take as many bytes, so that so many as there are fit; so much that it is full."""\n'),
    ),
    Case(tongue.whole_sentences, _core('"""A handler."""\n'), _core('"""A handler of pings."""\n')),
    Case(
        tongue.whole_sentences,
        _core('"""The last message of a peer"""\n'),
        _core('"""What is it good for?\n\nfor a test"""\n'),
    ),
    Case(tongue.constants, _core("MAX_BYTES = 4 * 1024\n"), _core('MAX_BYTES = 4 * 1024\n"""The most, as in go."""\n')),
    Case(
        tongue.constants,
        _core("class MeshConfig:\n    degree: int = 6\n    timeout_s: float = -1.5\n"),
        _core("_SHOWN = 9\nNAMES = ('a', 'b')\nIS_ON = True\nclass Mesh:\n    degree: int = 0\nsize = 4\n"),
    ),
    Case(
        tongue.contracts_subclassed,
        _core('class A:\n    """Streams of one peer; implements `abc.layers.muxer.MuxerSession`."""\n'),
        _core(
            'class A(MuxerSession[int]):\n    """Streams of one peer; implements `abc.layers.muxer.MuxerSession`."""\n'
            'class B:\n    """A part that implements the window."""\n'
        ),
    ),
    Case(
        testing_manners.sleeps,
        {"tests/test_a.py": "import asyncio\nasyncio.sleep(0.1)\n"},
        {"tests/test_a.py": "import asyncio\nasyncio.sleep(0)\n"},
    ),
    Case(
        testing_manners.mocks,
        {"tests/test_a.py": "from unittest import mock\n"},
        {"tests/test_a.py": "import unittest\n"},
    ),
    Case(testing_manners.init_files, {"tests/io/__init__.py": ""}, {"tests/io/test_driver.py": ""}),
]


def _tree(files: Mapping[str, str]) -> Tree:
    return Tree(files)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.law.__name__)
def test_law_catches(case: Case) -> None:
    caught = list(case.law(_tree(case.bad)))
    assert caught
    assert all(": " in line and ";" in line for line in caught), "file:line: what; the way out"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.law.__name__)
def test_law_spares(case: Case) -> None:
    assert list(case.law(_tree(case.good))) == []


def test_every_law_has_a_case() -> None:
    assert {law.__name__ for law in TREE_LAWS} == {case.law.__name__ for case in CASES}


@pytest.mark.parametrize(
    ("law", "bad", "good"),
    [
        (tracked.machine_paths, "see /ro" + "ot/notes", "see https://example.org/work/notes and ./work/x"),
        (tracked.registry_hosts, "from pyp" + "i.org", "pip install aiolibp2p"),
        (tracked.line_ends, "no newline", "a newline\n"),
    ],
)
def test_tracked_law(law: TrackedLaw, bad: str, good: str) -> None:
    assert list(law({"docs/page.md": bad}))
    assert not list(law({"docs/page.md": good}))
    assert law in TRACKED_LAWS


def test_generated_files_are_exempt() -> None:
    tree = _tree({f"{SRC}pubsub/rpc_pb2.py": "x = 1\n" * 900})
    assert [problem for law in TREE_LAWS for problem in law(tree)] == []


def test_plan_names_each_room_once() -> None:
    assert len(plan.FLOOR_OF) == sum(len(rooms) for rooms in plan.FLOORS)
