"""The command line: what was typed, and what is printed where."""

import gc

# Imports make many objects and hardly any garbage: looking for it takes 5 of the 80 ms of --help.
gc.set_threshold(20_000, 20, 20)
