"""What a service must keep, as tests: subclass `ServiceSuite`, say how yours is made and how it is used.

Needs pytest; hosts run over a simulated network, under virtual time. docs/how-to/test-your-own-service.md
"""

from aiolibp2p.testing.service_suite.flood import ServiceSuite

__all__ = ["ServiceSuite"]
