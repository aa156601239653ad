"""Forward and backward of a coordinate network over a chunk of pixels, for its value, gradient or Laplacian."""
