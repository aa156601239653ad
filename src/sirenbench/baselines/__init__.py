"""Arms that need no training: one file each, listed in its ``COMPONENTS``."""
