"""The embedded engine: a TCP relay that misbehaves on command, in a process of its own.

It imports nothing from the rest of the package, and only built-in modules that cost no start-up time:
``socket``, ``json``, ``collections`` and ``typing`` would add 8 to 23 ms each to the 12 ms that the interpreter
itself takes. From the outside in: `main` → `control` → `proxy` → `connection` → `flow` → `stages`.
"""
