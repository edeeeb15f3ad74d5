"""What a muxer must keep, as tests: subclass `MuxerSuite` and say how yours is made.

Needs pytest and Hypothesis. docs/how-to/test-your-own-muxer.md
"""

from aiolibp2p.testing.muxer_suite.ends import MuxerSuite
from aiolibp2p.testing.muxer_suite.fakes import Acceptor, Clock, Scope, Sink, Wire
from aiolibp2p.testing.muxer_suite.pair import MuxerEnd, MuxerPair, MuxerStream

__all__ = ["Acceptor", "Clock", "MuxerEnd", "MuxerPair", "MuxerStream", "MuxerSuite", "Scope", "Sink", "Wire"]
