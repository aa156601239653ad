"""Coordinate networks: one file each, listed in its ``COMPONENTS``."""
