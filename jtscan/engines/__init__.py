"""The batch loop, and how a plan is run over bars."""
