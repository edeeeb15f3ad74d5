"""All targets, by name."""

from __future__ import annotations

from fuzz import certificates, formats, identities, wire

TARGETS = {
    target.name: target for target in (*formats.TARGETS, *identities.TARGETS, *certificates.TARGETS, *wire.TARGETS)
}
"""Add yours to one of the four tables."""
