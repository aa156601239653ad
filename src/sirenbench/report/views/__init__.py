"""What a study shows of its cells that share their image: their files read, and brought into the shape of a figure."""
