"""Capacity and lease-economics calculator for GPU fleets."""

__version__ = "0.1.0"
