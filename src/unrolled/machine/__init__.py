"""The machine: its CPUs, the part of them that this process may use, and the load of other processes.

These modules import neither torch nor numpy: the command line needs them before torch is loaded.
"""
