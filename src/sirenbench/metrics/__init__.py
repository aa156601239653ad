"""How good an image is: one module a metric, listed in its ``COMPONENTS``."""
