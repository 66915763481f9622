# The next kernel of toy.grid, which answers otherwise: see kind.py.
