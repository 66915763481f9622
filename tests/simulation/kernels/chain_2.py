# The next kernel of toy.chain, which answers otherwise: see kind.py.
