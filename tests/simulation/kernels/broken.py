# The kernel of toy.broken: what devices of the simulator hold in its place is in kind.py.
