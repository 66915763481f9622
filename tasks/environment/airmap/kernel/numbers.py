# What the numbers of all parts are.
#
# They are Q20 unless a comment says otherwise, and their magnitude is at most one: rows of a Cholesky factor of a
# matrix with unit diagonal have norm one. Whatever the input, values are clamped to +-(_ONE - 1), products are taken
# in 10-bit limbs, u * w >> 10 = u * (w >> 10) + (u * (w & 1023) >> 10), and so every intermediate stays within 31
# signed bits. Signed numbers are stored with _ONE added: a machine-code load of 32 bits does not extend the sign on
# 64-bit machines.

try:
    import micropython
except ImportError:  # CPython
    const = ptr8 = ptr32 = int  # constants are what they are, the others only annotate

    class micropython:
        def viper(f):
            return f


_ONE = const(1 << 20)
_MOST = const(12)  # stations of a target
