"""Contracts of the stack that a connection is made of, one module for each of its layers."""
