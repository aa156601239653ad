"""Reading files of weights that are not trusted: no code of theirs is ever run."""
