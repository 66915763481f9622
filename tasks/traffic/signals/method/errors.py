"""What predictions of the share saved were wrong by: calibrated, not chosen."""

ERRORS_PERMILLE = (
    -59, -47, -38, -34, -32, -32, -20, -13, -11, -8, -7, -5, 5, 5, 6, 6, 9, 10, 10, 11, 12, 15, 19, 20, 20, 22,
    25, 25, 26, 28, 28, 30, 30, 32, 32, 33, 34, 36, 37, 37, 38, 39, 45, 46, 49, 49, 50, 64, 67, 79, 80, 83, 84,
    85, 89, 90, 100, 121, 132, 143, 199)
"""SUMO's share saved of time loss with delay before departure, less the one expected here, in order, on those of
``CALIBRATED_ON`` in ``benchmarks/quality/tools/signal_networks.py`` where no more queue than was simulated.

``python -m benchmarks.quality.tools.signal_promise`` makes it anew."""
