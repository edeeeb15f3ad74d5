"""For tests of one's own parts: fixtures for protocols over the simulator, suites for securities and muxers.

docs/how-to/test-your-own-protocol.md, test-your-own-security.md, test-your-own-muxer.md
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.security_suite", f"{__name__}.muxer_suite")
