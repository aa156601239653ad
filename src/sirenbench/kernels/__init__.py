"""Loops in one pass: by C on a processor, by Triton on a GPU. Imported where they are used."""
