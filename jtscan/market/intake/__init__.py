"""Taking data in: what people have becomes a store that can be trusted."""

from jtscan.market.intake.ingesting import ingest

__all__ = ["ingest"]
