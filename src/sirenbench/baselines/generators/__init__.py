"""Trained super-resolution networks: what they are, how their files are read, and how they are run."""
