"""What training minimises beside the mean squared error: one file each, listed in its ``COMPONENTS``."""
