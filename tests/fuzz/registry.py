"""All targets, by name."""

from __future__ import annotations

from fuzz import certificates, formats, identities, mplex, private_networks, wire

_TABLES = (
    formats.TARGETS,
    identities.TARGETS,
    certificates.TARGETS,
    private_networks.TARGETS,
    wire.TARGETS,
    mplex.TARGETS,
)
"""Add yours to one of them."""

TARGETS = {target.name: target for table in _TABLES for target in table}
