"""Image files and weight files: fetched once, identified by SHA-256, kept in a cache that can be shared."""
