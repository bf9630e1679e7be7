"""Reports: one description of the result, and a dull renderer for each format."""
