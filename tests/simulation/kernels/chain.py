# The kernel of toy.chain: what devices of the simulator hold in its place is in kind.py.
