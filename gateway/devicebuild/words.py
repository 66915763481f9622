"""Names that MicroPython has of its own."""

from __future__ import annotations

_TABLE = """ArithmeticError AssertionError BaseException Ellipsis GeneratorExit IndentationError IndexError
KeyboardInterrupt LookupError NameError NoneType NotImplementedError OverflowError RuntimeError SyntaxError
TypeError ZeroDivisionError abs all any append args bool bytearray bytecode bytes callable chr clear close
copy count dict dir divmod end endswith eval exec extend find format from_bytes get getattr globals hasattr
hash id index insert int isalpha isdigit isinstance islower isspace issubclass isupper items iter join key
keys len list little locals lower lstrip map next object open ord pop popitem pow print range read readinto
readline remove replace repr reverse rfind rindex round rsplit rstrip send sep set setattr setdefault sort
sorted split start startswith step stop str strip sum super throw to_bytes tuple type update upper value
values write zip deque dumps loads hexlify unhexlify pack unpack calcsize pack_into unpack_from collect
threshold mem_free mem_alloc poll ipoll register unregister modify sha256 digest ticks_add sleep_ms
getrandbits randint path argv modules version platform implementation errno difference union discard
partition center recv sendto bind accept listen fileno seek tell flush readlines mkdir rmdir rename listdir
ilistdir statvfs chdir getcwd"""
WORDS = _TABLE.split()
"""Words that MicroPython has in read-only memory: those up to ``zip`` have fixed numbers in the ``.mpy`` format
(MicroPython, py/makeqstrdata.py), the others are of modules that a device needs. A board that lacks one stores it.
"""

MODULES = frozenset({"errno", "platform"})
"""Those of them that are modules."""

_NAMES = """_build _dequeue _enqueue _exc_handler _machine _mpy _serve _thread aclose acquire add appendleft awrite
awritestr blit buffer call_exception_handler cancel connect coro create_task data decode decrypt
default_exception_handler deleter difference_update done drain e ellipse encode encrypt exc fill fill_rect fromhex
fromkeys get_ciphers get_exception_handler get_extra_info getter getvalue group hex hline intersection
intersection_update ioctl is_set isdisjoint issubset issuperset line load_cert_chain load_verify_locations locked
makefile match mkfs mount name off on out_buf peek pend_throw ph_key pixel poller poly popleft push queue_read
queue_write readexactly rect recvfrom release rpartition run_forever run_until_complete s scroll search sendall
set_ciphers set_exception_handler setblocking setsockopt setter settimeout splitlines stat state sub
symmetric_difference symmetric_difference_update task text umount verify_mode vline wait wait_closed wait_io_event
waiting wrap_socket"""
FOREIGN = frozenset(WORDS).union(_NAMES.split())
"""Attributes of what MicroPython makes: types, files, sockets, tasks. An attribute of ours that is called so keeps
its name, because nobody can tell whose is meant; that costs nothing, as the interpreter has the name in read-only
memory. A test compares this table with a real interpreter.
"""
