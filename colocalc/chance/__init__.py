"""Kernels of chance: shapes of uncertain numbers, prices in time, and statistics of trials; pure numpy."""
