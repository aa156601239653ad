"""What a cell can be asked to do: one file each, listed in its ``COMPONENTS``."""
