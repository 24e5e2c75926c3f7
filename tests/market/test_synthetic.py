"""The invented markets obey the rules of the exchange that they imitate, and say that they are invented."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from jtscan.errors import DataError, RequestError
from jtscan.market.synthetic import INDEX, MARK, SAMPLE, Market, MarketRecipe, intraday_bars, main, make_market
from jtscan.market.synthetic import write_market as write

END = dt.date(2024, 12, 30)
RECIPE = MarketRecipe(symbols=120, bars=500, end=END, seed=7, intraday=4)
SMALL = MarketRecipe(symbols=12, bars=60, end=END, intraday=2)
SAMPLE_FOLDER = Path(__file__).parents[2] / "data"

# Korea Exchange, KOSPI and KOSDAQ from 25 January 2023: below this price, this tick.
KRX_TICKS = [(2_000, 1), (5_000, 5), (20_000, 10), (50_000, 50), (200_000, 100), (500_000, 500), (10**9, 1_000)]


@pytest.fixture(scope="module")
def market() -> Market:
    return make_market(RECIPE)


@pytest.fixture(scope="module")
def shares(market: Market) -> pl.DataFrame:
    """The daily bars of stocks and ETFs, halts too, with the close before."""
    before = pl.col("close").shift(1).over("symbol")
    return market.daily.filter(pl.col("symbol") != INDEX).with_columns(before=before)


@pytest.fixture(scope="module")
def traded(shares: pl.DataFrame) -> pl.DataFrame:
    return shares.filter(pl.col("volume") > 0)


# ---- The universe


def test_symbols_have_the_columns_of_the_store(market: Market) -> None:
    text, date = pl.String, pl.Date
    assert dict(market.symbols.schema) == {
        "symbol": text, "name": text, "market": text, "sector": text, "kind": text, "listed": date, "delisted": date,
    }  # fmt: skip


def test_codes_keep_their_leading_zeros_and_letters(market: Market) -> None:
    codes = market.symbols["symbol"]
    assert codes.head(4).to_list() == ["005930", "000660", "0004V0", "00088K"]
    assert codes.is_unique().all()
    assert codes.head(RECIPE.symbols).str.contains(r"^[0-9]{4}[0-9A-Z]{2}$").all()


def test_names_are_marked_as_imaginary(market: Market) -> None:
    names = market.symbols["name"]
    assert names.head(2).to_list() == ["가상전자", "가상반도체"]
    assert names.is_unique().all()
    assert names.str.starts_with("가상").all()


def test_about_a_third_of_the_symbols_is_on_kospi(market: Market) -> None:
    counts = dict(market.symbols["market"].value_counts().iter_rows())
    assert counts.keys() == {"KOSPI", "KOSDAQ", "INDEX"}
    assert 0.3 < counts["KOSPI"] / RECIPE.symbols < 0.45


def test_the_index_comes_on_top_and_belongs_to_no_market_or_sector(market: Market) -> None:
    assert len(market.symbols) == RECIPE.symbols + 1
    index = market.symbols.row(-1, named=True)
    assert (index["symbol"], index["market"], index["kind"], index["sector"]) == (INDEX, "INDEX", "index", None)


def test_etfs_are_a_sector_and_a_kind(market: Market) -> None:
    etfs = market.symbols.filter(pl.col("kind") == "etf")
    assert len(etfs) == RECIPE.symbols // 20
    assert etfs["sector"].to_list() == ["ETF"] * len(etfs)
    assert market.symbols.filter(pl.col("kind") == "stock")["sector"].n_unique() == 11


# ---- Daily bars


def test_rows_are_sorted_and_typed(market: Market) -> None:
    names = ["open", "high", "low", "close", "volume"]
    assert dict(market.daily.schema) == {"symbol": pl.String, "timestamp": pl.Date, **dict.fromkeys(names, pl.Float64)}
    assert_frame_equal(market.daily, market.daily.sort("symbol", "timestamp"))
    assert market.daily.select("symbol", "timestamp").is_unique().all()
    assert market.daily.null_count().sum_horizontal().item() == 0


def test_days_are_weekdays_without_holidays_up_to_the_end(market: Market) -> None:
    days = market.daily.filter(pl.col("symbol") == "005930")["timestamp"]
    assert (len(days), days[-1]) == (RECIPE.bars, END)
    assert days.dt.weekday().max() == 5
    assert dt.date(2024, 12, 25) not in days.to_list()


def test_high_and_low_embrace_open_and_close(market: Market) -> None:
    bars = market.daily.filter(pl.col("volume") > 0)
    assert bars.filter(pl.col("high") < pl.max_horizontal("open", "close")).is_empty()
    assert bars.filter(pl.col("low") > pl.min_horizontal("open", "close")).is_empty()
    assert bars.filter(pl.col("low") <= 0).is_empty()


@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
def test_prices_stay_within_the_daily_limit(traded: pl.DataFrame, field: str) -> None:
    change = traded[field] / traded["before"] - 1
    assert change.abs().max() <= 0.3 + 1e-12  # type: ignore[operator]


def test_now_and_then_a_close_is_at_the_daily_limit(traded: pl.DataFrame) -> None:
    change = traded["close"] / traded["before"] - 1
    assert (change.min(), change.max()) == pytest.approx((-0.3, 0.3), abs=0.003)  # to a tick


@pytest.mark.parametrize("field", ["open", "high", "low", "close"])
def test_prices_are_on_ticks(traded: pl.DataFrame, field: str) -> None:
    price = pl.col(field)
    tick = pl.coalesce(pl.when(price < below).then(float(size)) for below, size in KRX_TICKS)
    assert traded.filter(price % tick != 0).is_empty()


def test_a_halt_has_only_the_last_close(shares: pl.DataFrame) -> None:
    halts = shares.filter(pl.col("volume") == 0)
    assert halts["symbol"].n_unique() >= 3
    assert halts.select("open", "high", "low").sum_horizontal().sum() == 0
    assert_frame_equal(halts.select("close"), halts.select(close="before"))


def test_prices_neither_explode_nor_vanish(traded: pl.DataFrame) -> None:
    closes = traded.group_by("symbol").agg(low=pl.col("close").min(), high=pl.col("close").max())
    assert closes["low"].min() > 100  # type: ignore[operator]
    assert closes["high"].max() < 5_000_000  # type: ignore[operator]
    assert (closes["high"] / closes["low"]).median() > 1.3  # type: ignore[operator]


def test_volatility_clusters_and_volume_follows_it(traded: pl.DataFrame) -> None:
    moves = traded.with_columns(move=(pl.col("close") / pl.col("before") - 1).abs()).drop_nulls()
    lags = [pl.corr("move", pl.col("move").shift(lag)).alias(f"lag_{lag}") for lag in (1, 5)]
    found = moves.group_by("symbol").agg(*lags, volume=pl.corr("move", "volume")).drop("symbol").mean().row(0)
    assert all(value > least for value, least in zip(found, (0.08, 0.05, 0.4), strict=True))


def test_returns_themselves_do_not_repeat(traded: pl.DataFrame) -> None:
    changes = traded.with_columns(change=pl.col("close") / pl.col("before") - 1).drop_nulls()
    lag = changes.group_by("symbol").agg(lag=pl.corr("change", pl.col("change").shift(1)))["lag"]
    assert lag.mean() == pytest.approx(0, abs=0.03)


def test_symbols_have_bars_only_while_listed(market: Market) -> None:
    days = market.daily.filter(pl.col("symbol") == "005930")["timestamp"]
    spans = market.daily.group_by("symbol").agg(first=pl.col("timestamp").min(), last=pl.col("timestamp").max())
    table = market.symbols.join(spans, on="symbol", validate="1:1")
    assert (table["listed"].count(), table["delisted"].count()) == (3, 3)
    assert table["first"].equals(table["listed"].fill_null(days[0]))
    next_day = dict(pairwise(days))
    gone = table.filter(pl.col("delisted").is_not_null())
    assert gone["delisted"].to_list() == [next_day[last] for last in gone["last"]]
    assert table.filter(pl.col("delisted").is_null())["last"].unique().to_list() == [END]


def test_the_index_is_the_mean_of_its_members_returns(market: Market) -> None:
    members = market.symbols.filter(pl.col("market") == "KOSPI", pl.col("kind") == "stock")["symbol"]
    change = (pl.col("close") / pl.col("close").shift(1).over("symbol") - 1).alias("change")
    bars = market.daily.with_columns(change).filter(pl.col("volume") > 0).drop_nulls()
    mean = bars.filter(pl.col("symbol").is_in(members.implode())).group_by("timestamp").agg(pl.col("change").mean())
    index = bars.filter(pl.col("symbol") == INDEX)
    both = index.join(mean, on="timestamp", validate="1:1")
    assert len(both) == RECIPE.bars - 1
    assert (both["change"] - both["change_right"]).abs().max() < 1e-4  # type: ignore[operator]  # two decimals


# ---- Intraday bars


def test_intraday_bars_cover_the_session_of_the_last_month(market: Market) -> None:
    stamps = market.intraday["timestamp"]
    assert stamps.dtype == pl.Datetime("us")
    assert (stamps.min(), stamps.max()) == (dt.datetime(2024, 12, 2, 9), dt.datetime(2024, 12, 30, 15, 25))
    assert market.intraday.group_by("symbol", stamps.dt.date().alias("day")).len()["len"].unique().to_list() == [78]
    assert set(market.intraday["symbol"]) == {"005930", "000660", "0004V0", "00088K"}


def daily_of(intraday: pl.DataFrame) -> pl.DataFrame:
    prices = [pl.col("open").first(), pl.col("high").max(), pl.col("low").min(), pl.col("close").last()]
    day = pl.col("timestamp").dt.date()
    return intraday.group_by("symbol", day, maintain_order=True).agg(*prices, pl.col("volume").sum())


def test_intraday_bars_add_up_to_daily_bars(market: Market) -> None:
    assert_frame_equal(
        daily_of(market.intraday),
        market.daily.join(daily_of(market.intraday), on=["symbol", "timestamp"], how="semi"),
    )
    below_high = pl.col("high") >= pl.max_horizontal("open", "close")
    above_low = pl.col("low") <= pl.min_horizontal("open", "close")
    assert market.intraday.select((below_high & above_low).all()).item()


@pytest.mark.parametrize(("minutes", "bars"), [(1, 390), (15, 26), (60, 7)])
def test_intraday_bars_of_other_lengths(shares: pl.DataFrame, minutes: int, bars: int) -> None:
    days = shares.drop("before").tail(3)
    found = intraday_bars(days, minutes=minutes)
    assert len(found) == 3 * bars
    assert_frame_equal(daily_of(found), days)


def test_a_halted_day_has_no_intraday_bars(shares: pl.DataFrame) -> None:
    halts = shares.filter(pl.col("volume") == 0).drop("before")
    assert intraday_bars(halts).is_empty()


# ---- Recipes


def test_equal_recipes_give_equal_markets() -> None:
    one, two = make_market(SMALL), make_market(SMALL)
    for name in ("symbols", "daily", "intraday"):
        assert_frame_equal(getattr(one, name), getattr(two, name), check_exact=True)


def test_another_seed_gives_another_market() -> None:
    other = make_market(MarketRecipe(symbols=12, bars=60, end=END, intraday=2, seed=2))
    assert not other.daily["close"].equals(make_market(SMALL).daily["close"])


@pytest.mark.parametrize(
    ("field", "value"),
    [("symbols", 3), ("symbols", 10_001), ("bars", 1), ("seed", -1), ("intraday", 3_001), ("bars", 2.5)],
)
def test_a_recipe_that_cannot_be_followed_is_refused(field: str, value: int) -> None:
    with pytest.raises(RequestError, match=f"^{field}: {value} is not a whole number from"):
        MarketRecipe(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(("symbols", "bars"), [(4, 2), (5, 3), (7, 5), (10, 9), (300, 8)])
def test_the_smallest_markets_can_be_made(symbols: int, bars: int) -> None:
    made = make_market(MarketRecipe(symbols=symbols, bars=bars, intraday=1))
    assert made.daily["symbol"].n_unique() == symbols + 1
    assert made.daily["timestamp"].n_unique() == bars


# ---- Files


def test_files_hold_the_market_and_say_that_it_is_invented(tmp_path: Path) -> None:
    write(tmp_path, SMALL)
    made = make_market(SMALL)
    assert_frame_equal(pl.read_parquet(tmp_path / "symbols.parquet"), made.symbols)
    assert_frame_equal(pl.read_parquet(tmp_path / "prices/1d/*.parquet"), made.daily)
    assert_frame_equal(pl.read_parquet(tmp_path / "prices/5m/*.parquet"), made.intraday)
    for path in tmp_path.rglob("*.parquet"):
        assert pl.read_parquet_metadata(path).items() >= MARK.items()
    assert SMALL.options in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_a_market_replaces_an_earlier_one(tmp_path: Path) -> None:
    write(tmp_path, MarketRecipe(symbols=300, bars=20, intraday=1))
    write(tmp_path, MarketRecipe(symbols=12, bars=20))
    assert pl.read_parquet(tmp_path / "prices/1d/*.parquet")["symbol"].n_unique() == 13
    assert not list((tmp_path / "prices/5m").glob("*"))


@pytest.mark.parametrize("name", ["symbols.parquet", "README.md", "prices/1d/mine.parquet", "prices/1d/torn.parquet"])
def test_other_files_are_never_removed(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write(tmp_path, MarketRecipe(symbols=4, bars=5))
    if name.endswith("mine.parquet"):
        pl.DataFrame({"close": [1.0]}).write_parquet(path)
    else:
        path.write_text("my own", encoding="utf-8")
    before = {found: found.read_bytes() for found in tmp_path.rglob("*") if found.is_file()}
    with pytest.raises(DataError, match=f"{path.name}: was not written by this generator"):
        write(tmp_path, SMALL)
    assert {found: found.read_bytes() for found in tmp_path.rglob("*") if found.is_file()} == before


def test_the_command_line_writes_a_market(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path), "--symbols", "5", "--bars", "6", "--end", "2024-06-28", "--seed", "3"])
    assert "--symbols 5 --bars 6 --end 2024-06-28 --seed 3" in capsys.readouterr().out
    assert pl.read_parquet(tmp_path / "prices/1d/*.parquet")["timestamp"].max() == dt.date(2024, 6, 28)


# ---- The sample in the repository


def test_the_sample_is_small_and_says_how_it_was_made() -> None:
    assert sum(path.stat().st_size for path in SAMPLE_FOLDER.rglob("*") if path.is_file()) < 2_000_000
    readme = (SAMPLE_FOLDER / "README.md").read_text(encoding="utf-8")
    assert "Everything in this folder is invented" in readme
    assert f"python -m jtscan.market.synthetic data {SAMPLE.options}" in readme
    assert "`python -m jtscan.market.synthetic data --sample`" in readme
    for path in SAMPLE_FOLDER.rglob("*.parquet"):
        assert pl.read_parquet_metadata(path).items() >= MARK.items()


def test_the_sample_holds_what_the_notebooks_need() -> None:
    symbols = pl.read_parquet(SAMPLE_FOLDER / "symbols.parquet")
    daily = pl.read_parquet(SAMPLE_FOLDER / "prices/1d/*.parquet")
    intraday = pl.read_parquet(SAMPLE_FOLDER / "prices/5m/*.parquet")
    assert dict(symbols["kind"].value_counts().iter_rows()) == {"stock": 57, "etf": 3, "index": 1}
    assert (symbols["listed"].count(), symbols["delisted"].count()) == (1, 1)
    assert set(daily["symbol"]) == set(symbols["symbol"])
    assert (daily["timestamp"].min(), daily["timestamp"].max()) == (dt.date(2022, 1, 3), END)
    assert daily.filter(pl.col("open") == 0)["symbol"].n_unique() == 3
    assert_frame_equal(daily_of(intraday), daily.join(daily_of(intraday), on=["symbol", "timestamp"], how="semi"))
