"""Tools to test parts of one's own: fixtures for protocols over the simulator, suites for securities, muxers, services.

The pages docs/how-to/test-your-own-protocol.md, test-your-own-security.md, test-your-own-muxer.md and
test-your-own-service.md show their use.
"""

import pytest

pytest.register_assert_rewrite(f"{__name__}.security_suite", f"{__name__}.muxer_suite", f"{__name__}.service_suite")
