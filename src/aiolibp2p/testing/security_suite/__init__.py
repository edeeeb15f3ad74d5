"""What a security must keep, as tests: subclass `SecuritySuite` and say how yours is made.

Needs pytest and Hypothesis. docs/how-to/test-your-own-security.md
"""

from aiolibp2p.testing.security_suite.cipher import SecuritySuite
from aiolibp2p.testing.security_suite.pair import SecuredEnd, SecuredPair

__all__ = ["SecuredEnd", "SecuredPair", "SecuritySuite"]
