"""What is paid, and how anyone can prove it: pure functions shared by the gateway and the auditor.

The log is an RFC 6962 tree of fixed structs (``leaves``) in C2SP tile files (``tiles``) under a signed
checkpoint (``note``). The receipts of an epoch lie in a content-addressed bundle whose hash is in the seal of
that epoch; ``settle`` says which of its records pay. ``book`` folds the leaves into what they mean.

Where later work goes: a device's *statement* (one Ed25519 signature per epoch over its receipt chain and the
checkpoint it has seen) becomes a leaf kind of its own between registrations and seals, and ``settle`` will then
pay only receipts that a statement covers; it is what stops a gateway from inventing receipts, because today's
per-job MAC uses a key that the gateway shares. Orders, job prices and caps become leaves that ``settle`` reads
in the same way. *Tokens* are a second, cumulative tree over the totals that ``settle`` gives, its root one more
field of a seal of the next rules version. None of these changes the tree, the tiles or the bundles.
"""
