"""What a user would otherwise write, each a script of its own: python NAME.py FILE S1|S2 tells in JSON what it took."""
