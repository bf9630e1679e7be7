"""Kernels of the MFU model: pure numpy, keyword-only, pool axis last."""
