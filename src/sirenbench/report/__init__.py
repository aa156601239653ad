"""The HTML report: data (tables, figures, images), templates, and a little script."""
