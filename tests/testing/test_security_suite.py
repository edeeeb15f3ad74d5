"""The suite for securities, over each of ours."""

from __future__ import annotations

import os
import time

from aiolibp2p.abc.layers.security import Security
from aiolibp2p.peer.keys import PrivateKey
from aiolibp2p.security.noise import NoiseSecurity
from aiolibp2p.security.plaintext import PlaintextSecurity
from aiolibp2p.security.secio import MAX_FRAME_BYTES, SecioSecurity
from aiolibp2p.security.tls import TlsSecurity
from aiolibp2p.testing.security_suite import SecuritySuite


class TestNoise(SecuritySuite):
    binds_prologue = True

    def security(self, key: PrivateKey) -> Security:
        return NoiseSecurity(key, os.urandom)


class TestTls(SecuritySuite):
    def security(self, key: PrivateKey) -> Security:
        return TlsSecurity(key, time.time)


class TestPlaintext(SecuritySuite):
    encrypts = authenticates_frames = authenticates_peers = proves_last = early_muxer = False

    def security(self, key: PrivateKey) -> Security:
        return PlaintextSecurity(key)


class TestSecio(SecuritySuite):
    early_muxer = False
    numbers_frames = False
    """The tag is over the ciphertext alone: a frame out of order authenticates, and is garbage."""
    max_frame_bytes = MAX_FRAME_BYTES

    def security(self, key: PrivateKey) -> Security:
        return SecioSecurity(key, os.urandom)
