"""What a formula gives and needs, for people."""

from __future__ import annotations

from dataclasses import dataclass

from jtscan.formula.parameters import Parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class FormulaDescription:
    """Signals and columns that a formula gives; parameters, columns and earlier bars that it needs.

    ``signals`` and ``columns`` are names in the order of the formula, ``reads``
    the columns of the price files that it needs; ``parameters`` have their
    default, bounds and value. ``unresolved`` names are a column or a parameter, which only data or
    values can tell. ``warmup`` counts bars before the range, None = all history.
    ``open_lengths``: the warm-up depends on values that are not given.
    ``references`` are other symbols that it reads, ``compares`` tells whether
    symbols are ranked among others, ``repaints`` what changes until its period ends;
    ``notes`` tell what is hardly meant so.
    """

    signals: tuple[str, ...]
    columns: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    reads: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    warmup: int | None = 0
    open_lengths: bool = False
    references: tuple[str, ...] = ()
    compares: bool = False
    repaints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def warmup_text(self) -> str:
        """The warm-up in words."""
        if self.open_lengths:
            return f"depends on {', '.join(self.unresolved)}: give values to know"
        if self.warmup is None:
            return "all history"
        return f"{self.warmup:,} bars before the range" if self.warmup else "none"

    @property
    def _rows(self) -> list[tuple[str, str]]:
        return [
            ("signals", ", ".join(self.signals)),
            ("columns", ", ".join(self.columns) or "none"),
            ("parameters", ", ".join(str(each) for each in self.parameters) or "none"),
            ("columns read", ", ".join(name for name in self.reads if name not in self.unresolved) or "none"),
            *([("column or parameter", ", ".join(self.unresolved))] if self.unresolved else []),
            *([("other symbols", ", ".join(self.references))] if self.references else []),
            *([("compares", "the symbols of the scan, at each timestamp")] if self.compares else []),
            ("warm-up", self.warmup_text),
            *([("repaints", ", ".join(self.repaints))] if self.repaints else []),
            *(("note", note) for note in self.notes),
        ]

    def __str__(self) -> str:
        width = max(len(label) for label, _ in self._rows)
        return "\n".join(f"{label:<{width}}  {text}" for label, text in self._rows)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from jtscan import render  # noqa: PLC0415 - drawn there, when it is looked at

        return render.card_html("What the formula gives and needs", self._rows)
