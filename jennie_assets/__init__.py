"""The data plane: one Dagster code location."""

import warnings

from dagster import BetaWarning, PreviewWarning

# Backfill policies and partitioned checks are marked beta and preview; their use here is deliberate.
warnings.filterwarnings("ignore", category=BetaWarning)
warnings.filterwarnings("ignore", category=PreviewWarning)
