"""Quotas and rates that protocols hold their peers to. Pure."""
