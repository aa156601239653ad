"""Running one cell: from its name to the files in its folder. The rules and the command line all end here."""
