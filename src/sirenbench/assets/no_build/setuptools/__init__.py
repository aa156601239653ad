"""Stands in for setuptools while pip downloads a source archive; see :mod:`sirenbench.assets.pypi`."""
