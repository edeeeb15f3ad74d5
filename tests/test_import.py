"""What `import aiolibp2p` loads, and what it does not: an idle node stays small and starts fast."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ["OpenSSL", "dns", "ifaddr", "argparse", "google.protobuf", "uvloop", "fastapi", "multiprocessing", "unittest"]

PROGRAM = f"""
import sys, aiolibp2p
print([name for name in {HEAVY!r} if name in sys.modules])
print(sorted({{name.split('.')[1] for name in sys.modules if name.startswith('aiolibp2p.')}}))
print([name for name in aiolibp2p.__all__ if not hasattr(aiolibp2p, name)])
"""


def test_import_loads_what_a_host_needs_and_no_more() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=30)
    heavy, rooms, missing = done.stdout.splitlines()
    assert heavy == "[]"
    assert missing == "[]"
    for outer in ("cli", "simulator", "testing"):
        assert f"'{outer}'" not in rooms
