"""The judging functions. Importing this package registers them; each says its rule in its docstring."""

from reference.statistics.judges.along_axis import equivalent_along
from reference.statistics.judges.case_counts import lower_median_in_cases
from reference.statistics.judges.comparisons import equivalent, less_than, ratio_within
from reference.statistics.judges.every_value import every_value_within
from reference.statistics.judges.fastest import ratio_of_minima
from reference.statistics.judges.logarithmic import at_most_logarithmic
from reference.statistics.judges.medians import median_within, median_within_at_accuracy
from reference.statistics.judges.proportion import grows_linearly, in_proportion
from reference.statistics.judges.published import equals_published
from reference.statistics.judges.rising import rises
from reference.statistics.judges.scaling import constant, slope_within
from reference.statistics.judges.thresholds import above, below, fraction_below_line

__all__ = [
    "above",
    "at_most_logarithmic",
    "below",
    "constant",
    "equals_published",
    "equivalent",
    "equivalent_along",
    "every_value_within",
    "fraction_below_line",
    "grows_linearly",
    "in_proportion",
    "less_than",
    "lower_median_in_cases",
    "median_within",
    "median_within_at_accuracy",
    "ratio_of_minima",
    "ratio_within",
    "rises",
    "slope_within",
]
