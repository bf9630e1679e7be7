"""A step-time model with few constants, calibrated on published training runs: facts in, time by mechanism out."""
