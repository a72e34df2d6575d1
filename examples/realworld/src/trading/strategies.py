"""The strategies: the steps are the same, the defaults and who may change them are not."""

from datetime import datetime, timedelta
from typing import Optional

from flytekit import workflow

from trading.market import SYMBOLS, Risk, Venue, load_prices, score, send, size


@workflow
def mean_reversion(
    as_of: datetime,
    symbols: list[str] = SYMBOLS,
    lookback: timedelta = timedelta(days=20),
    entry: float = 2.0,
    exit_: float = 0.5,
    notional: float = 250_000.0,
    max_positions: int = 10,
    fee_bps: float = 2.5,
    risk: Risk = Risk(),
    venue: Venue = Venue.PAPER,
    dry_run: bool = True,
    note: str = "mean reversion",
    benchmark: Optional[str] = "SPY",
) -> int:
    """Buy what fell too far, sell what rose too far."""
    prices = load_prices(symbols=symbols, lookback=lookback, as_of=as_of, benchmark=benchmark)
    scores = score(prices=prices, entry=entry, exit_=exit_)
    positions = size(
        scores=scores, notional=notional, max_positions=max_positions, fee_bps=fee_bps, risk=risk
    )
    return send(positions=positions, venue=venue, dry_run=dry_run, note=note)


@workflow
def momentum(
    as_of: datetime,
    symbols: list[str] = SYMBOLS,
    lookback: timedelta = timedelta(days=126),
    entry: float = 3.0,
    exit_: float = 1.0,
    notional: float = 400_000.0,
    max_positions: int = 15,
    fee_bps: float = 2.5,
    risk: Risk = Risk(),
    venue: Venue = Venue.PAPER,
    dry_run: bool = True,
    note: str = "momentum",
    benchmark: Optional[str] = "SPY",
) -> int:
    """Follow what has moved for months."""
    prices = load_prices(symbols=symbols, lookback=lookback, as_of=as_of, benchmark=benchmark)
    scores = score(prices=prices, entry=entry, exit_=exit_)
    positions = size(
        scores=scores, notional=notional, max_positions=max_positions, fee_bps=fee_bps, risk=risk
    )
    return send(positions=positions, venue=venue, dry_run=dry_run, note=note)


@workflow
def breakout(
    as_of: datetime,
    symbols: list[str] = SYMBOLS,
    lookback: timedelta = timedelta(days=55),
    entry: float = 4.0,
    exit_: float = 1.5,
    notional: float = 150_000.0,
    max_positions: int = 8,
    fee_bps: float = 3.0,
    risk: Risk = Risk(),
    venue: Venue = Venue.PAPER,
    dry_run: bool = True,
    note: str = "breakout",
    benchmark: Optional[str] = "SPY",
) -> int:
    """Enter where a range of weeks breaks."""
    prices = load_prices(symbols=symbols, lookback=lookback, as_of=as_of, benchmark=benchmark)
    scores = score(prices=prices, entry=entry, exit_=exit_)
    positions = size(
        scores=scores, notional=notional, max_positions=max_positions, fee_bps=fee_bps, risk=risk
    )
    return send(positions=positions, venue=venue, dry_run=dry_run, note=note)


@workflow
def pairs(
    as_of: datetime,
    symbols: list[str] = SYMBOLS,
    lookback: timedelta = timedelta(days=60),
    entry: float = 2.5,
    exit_: float = 0.2,
    notional: float = 300_000.0,
    max_positions: int = 12,
    fee_bps: float = 1.5,
    risk: Risk = Risk(),
    venue: Venue = Venue.PAPER,
    dry_run: bool = True,
    note: str = "pairs",
    benchmark: Optional[str] = "SPY",
) -> int:
    """Trade two symbols against each other."""
    prices = load_prices(symbols=symbols, lookback=lookback, as_of=as_of, benchmark=benchmark)
    scores = score(prices=prices, entry=entry, exit_=exit_)
    positions = size(
        scores=scores, notional=notional, max_positions=max_positions, fee_bps=fee_bps, risk=risk
    )
    return send(positions=positions, venue=venue, dry_run=dry_run, note=note)


@workflow
def low_volatility(
    as_of: datetime,
    symbols: list[str] = SYMBOLS,
    lookback: timedelta = timedelta(days=252),
    entry: float = 1.0,
    exit_: float = 0.1,
    notional: float = 500_000.0,
    max_positions: int = 20,
    fee_bps: float = 1.0,
    risk: Risk = Risk(),
    venue: Venue = Venue.PAPER,
    dry_run: bool = True,
    note: str = "low volatility",
    benchmark: Optional[str] = "SPY",
) -> int:
    """Hold what moves least."""
    prices = load_prices(symbols=symbols, lookback=lookback, as_of=as_of, benchmark=benchmark)
    scores = score(prices=prices, entry=entry, exit_=exit_)
    positions = size(
        scores=scores, notional=notional, max_positions=max_positions, fee_bps=fee_bps, risk=risk
    )
    return send(positions=positions, venue=venue, dry_run=dry_run, note=note)


@workflow
def earnings_drift(
    as_of: datetime,
    symbols: list[str] = SYMBOLS,
    lookback: timedelta = timedelta(days=40),
    entry: float = 5.0,
    exit_: float = 2.0,
    notional: float = 100_000.0,
    max_positions: int = 6,
    fee_bps: float = 4.0,
    risk: Risk = Risk(),
    venue: Venue = Venue.PAPER,
    dry_run: bool = True,
    note: str = "earnings drift",
    benchmark: Optional[str] = "SPY",
) -> int:
    """Hold what surprised, while it drifts."""
    prices = load_prices(symbols=symbols, lookback=lookback, as_of=as_of, benchmark=benchmark)
    scores = score(prices=prices, entry=entry, exit_=exit_)
    positions = size(
        scores=scores, notional=notional, max_positions=max_positions, fee_bps=fee_bps, risk=risk
    )
    return send(positions=positions, venue=venue, dry_run=dry_run, note=note)
