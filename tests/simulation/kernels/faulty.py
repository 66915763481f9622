# The kernel of toy.faulty: what devices of the simulator hold in its place is in kind.py.
