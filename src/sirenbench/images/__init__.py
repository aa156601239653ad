"""Pictures: how a file becomes the square 8-bit pixels that a cell works on."""
