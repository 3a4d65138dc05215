"""How lively each minute of a session is: a U shape with volatility clusters and bursts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Activity:
    """Relative weights per minute (shape: minutes, float64) of arrivals, price variance and volume."""

    arrivals: Floats
    variance: Floats
    volume: Floats


def draw_activity(rng: np.random.Generator, minutes: int) -> Activity:
    """Draw one session's activity.

    The opening half hour is the liveliest, noon the quietest, the end rises again. On top of it a slow random level of
    volatility and a few bursts that decay within minutes; a burst moves price and volume together.
    """
    minute = np.arange(minutes, dtype=np.float64)
    shape = 0.55 + 2.2 * np.exp(-minute / 12) + 0.9 * np.exp(-minute / 70) + 0.8 * np.exp(-(minutes - minute) / 18)
    shock = np.exp(_slow_level(rng, minutes)) * _bursts(rng, minute)
    return Activity(arrivals=shape * np.sqrt(shock), variance=shape * shock, volume=shape * shock**1.1)


def _slow_level(rng: np.random.Generator, minutes: int, persistence: float = 0.94, spread: float = 0.16) -> Floats:
    noise = rng.normal(0.0, spread, minutes).tolist()
    level, levels = 0.0, []
    for step in noise:
        level = persistence * level + step
        levels.append(level)
    return np.array(levels)


def _bursts(rng: np.random.Generator, minute: Floats) -> Floats:
    lift = np.ones_like(minute)
    for start in rng.uniform(0, len(minute), rng.poisson(4)):
        age = minute - start
        lift += np.where(age >= 0, rng.gamma(1.5, 1.6) * np.exp(-np.maximum(age, 0) / rng.uniform(2, 9)), 0.0)
    return lift
