"""The figures of the project, printed by ``make bench``: ratios measured side by side in one run on one machine."""
