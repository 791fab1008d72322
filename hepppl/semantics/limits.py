"""Sizes beyond which a program is refused at once, so that compiling it takes bounded time and memory."""

MAX_TURNS = 10**8  # of a `for` or `while`
MAX_ELEMENTS = 10**7  # of an array, of a plate
MAX_PARTICLES = 10**5  # alive at once in a process
MAX_FOLDED = 4096  # elements of an array that is computed at compile time
MAX_NODES = 20_000  # of the elaborated program, functions inlined
MAX_STEPS = 100_000  # expressions elaborated, those of inlined functions each time
STAND_IN = (3, 5)  # lengths to check a program with while the data that give them are not there
MAX_DEPTH = 64  # nested blocks of a finished program
MAX_CALLS = 100  # nested function calls
MAX_WEIGHTS = 10**6  # of a net
MAX_UNKNOWNS = 16  # of an argmin
MAX_FOLDING = 1_000_000  # array elements computed at compile time, all together
MAX_INTEGER_BITS = 4096  # of an integer constant while it is computed
INT_RANGE = (-(2**31), 2**31 - 1)  # of an integer in a running program
