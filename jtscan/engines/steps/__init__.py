"""How the steps of a plan are run over a chunk of bars."""
