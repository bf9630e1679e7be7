"""Studies: the same evaluation under one scenario or many."""
