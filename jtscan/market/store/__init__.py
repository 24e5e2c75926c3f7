"""The store: immutable files, and a manifest that says which of them count."""
