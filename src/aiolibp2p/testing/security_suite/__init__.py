"""The contract of a security, as tests: subclass `SecuritySuite` and say how yours is made.

Needs pytest and Hypothesis. The page docs/how-to/test-your-own-security.md shows how.
"""

from aiolibp2p.testing.security_suite.cipher import SecuritySuite
from aiolibp2p.testing.security_suite.pair import SecuredEnd, SecuredPair

__all__ = ["SecuredEnd", "SecuredPair", "SecuritySuite"]
