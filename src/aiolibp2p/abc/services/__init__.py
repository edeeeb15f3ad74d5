"""Contracts between a host and its services, and between services that look for one another."""
