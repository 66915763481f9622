"""Idle street hardware as verified city computing: the gateway, its kinds of task, the firmware of devices."""
