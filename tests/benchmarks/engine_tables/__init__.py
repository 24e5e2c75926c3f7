"""The tables of the benchmark of the engine: each module gives some, for a ``Setting``."""
