"""What form and results look like alike."""

from __future__ import annotations

# ipywidgets' own arrow is black in every theme.
ARROW = (
    """--jp-widgets-dropdown-arrow: url("data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' """
    """viewBox='0 0 18 18'%3E%3Cpath fill='none' stroke='%23888' stroke-width='1.6' stroke-linecap='round' """
    """stroke-linejoin='round' d='M5 7.2l4 4 4-4'/%3E%3C/svg%3E");"""
)
