"""jtscan: scan a whole market with one formula, in a notebook.

>>> import jtscan as jt
>>> scanner = jt.Scanner("data")
>>> result = scanner.scan("close > highest(high, 20)[1]", market="KOSPI", last=5)
>>> result.account["symbols"].sum() == len(scanner.symbols(market="KOSPI")) - len(result.not_listed)
True
"""

from jtscan.aggregate import SignalAggregator
from jtscan.domain.checks import CheckReport
from jtscan.domain.control import CancellationToken
from jtscan.domain.dates import DateRange, Timeframe
from jtscan.domain.formulas import Formula, PolarsFormula
from jtscan.domain.history import SymbolHistory
from jtscan.domain.jobs import JobType, ProcessingJob, ProcessingResult, Status
from jtscan.domain.scans import BatchScanRequest, BatchScanResult
from jtscan.domain.signals import AggregatedSignals, SignalStatistics
from jtscan.domain.stores import IngestReport, QualityReport, VerifyReport
from jtscan.domain.symbols import SymbolCriteria
from jtscan.engines.processing import ProcessingEngine
from jtscan.errors import (
    DataError,
    DataNotFoundError,
    EngineError,
    FormulaError,
    JtscanError,
    LookAheadError,
    MissingExtraError,
    RequestError,
    StoreError,
)
from jtscan.formula import Explanation, FormulaDescription, FunctionTable, describe, explain, function, library
from jtscan.market import Store, ingest
from jtscan.market.prices import DuckDBPriceRepository
from jtscan.market.symbols import DuckDBSymbolRepository
from jtscan.scan import BatchScanUseCase
from jtscan.scanner import Scanner

__version__ = "0.1.0"

__all__ = [
    "AggregatedSignals",
    "BatchScanRequest",
    "BatchScanResult",
    "BatchScanUseCase",
    "CancellationToken",
    "CheckReport",
    "DataError",
    "DataNotFoundError",
    "DateRange",
    "DuckDBPriceRepository",
    "DuckDBSymbolRepository",
    "EngineError",
    "Explanation",
    "Formula",
    "FormulaDescription",
    "FormulaError",
    "FunctionTable",
    "IngestReport",
    "JobType",
    "JtscanError",
    "LookAheadError",
    "MissingExtraError",
    "PolarsFormula",
    "ProcessingEngine",
    "ProcessingJob",
    "ProcessingResult",
    "QualityReport",
    "RequestError",
    "Scanner",
    "SignalAggregator",
    "SignalStatistics",
    "Status",
    "Store",
    "StoreError",
    "SymbolCriteria",
    "SymbolHistory",
    "Timeframe",
    "VerifyReport",
    "describe",
    "explain",
    "function",
    "ingest",
    "library",
]


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
