"""Facts of the Korean market: calendar, session times, ticks, price limits, taxes and fees."""
