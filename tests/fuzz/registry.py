"""All targets, by name."""

from __future__ import annotations

from fuzz import formats, identities, wire

TARGETS = {target.name: target for target in (*formats.TARGETS, *identities.TARGETS, *wire.TARGETS)}
"""Add yours to one of the three tables."""
