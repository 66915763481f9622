# The kernel of toy.grid: what devices of the simulator hold in its place is in kind.py.
