"""What the strategies share: the universe of symbols, settings, and the tasks they are made of."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Optional

from flytekit import Resources, task

SYMBOLS = (
    "AAPL ABBV ABT ADBE AMD AMGN AMZN AVGO AXP BA BAC BLK C CAT COST CRM CSCO CVX DE DIS "
    "GE GOOGL GS HD HON IBM INTC INTU ISRG JNJ JPM KO LLY LOW MA MCD META MRK MSFT NFLX "
    "NKE NVDA ORCL PEP PFE PG QCOM TXN UNH"
).split()


class Venue(Enum):
    """Where orders go."""

    PAPER = "paper"
    LIVE = "live"


@dataclass
class Risk:
    """Limits that no strategy may pass."""

    max_drawdown: float = 0.08
    max_leverage: float = 1.5
    stop_after_losses: int = 3


@task(retries=3, requests=Resources(cpu="1", mem="2Gi"))
def load_prices(
    symbols: list[str], lookback: timedelta, as_of: datetime, benchmark: Optional[str]
) -> dict[str, float]:
    """Load closing prices up to a moment; the sample stands in for a market data feed."""
    days = max(1, lookback.days)
    wanted = [*symbols, benchmark] if benchmark else symbols
    return {symbol: 100.0 + (sum(map(ord, symbol)) * as_of.day) % (days + 7) for symbol in wanted}


@task
def score(prices: dict[str, float], entry: float, exit_: float) -> dict[str, float]:
    """Score each symbol by its distance from the mean, cut off between two thresholds."""
    mean = sum(prices.values()) / max(1, len(prices))
    scores = {symbol: (price - mean) / mean for symbol, price in prices.items()}
    return {symbol: one for symbol, one in scores.items() if exit_ <= abs(one) <= entry}


@task
def size(
    scores: dict[str, float],
    notional: float,
    max_positions: int,
    fee_bps: float,
    risk: Risk,
) -> dict[str, float]:
    """Turn the best scores into positions within the limits of risk."""
    best = sorted(scores.items(), key=lambda item: -abs(item[1]))[:max_positions]
    budget = notional * risk.max_leverage * (1 - fee_bps / 10_000)
    return {symbol: budget / len(best) for symbol, _ in best}


@task(retries=0)
def send(positions: dict[str, float], venue: Venue, dry_run: bool, note: str) -> int:
    """Send orders and return how many; a dry run only counts them."""
    where = "nowhere" if dry_run else venue.value
    print(f"{len(positions)} orders to {where}: {note}")
    return len(positions)
