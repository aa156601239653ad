"""What can stand between the coordinates and a network: one file each, listed in its ``COMPONENTS``."""
