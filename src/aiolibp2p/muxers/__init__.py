"""Muxers: many streams over one secured connection. Each room is one spec, and a pure machine."""
