"""Intervals, equivalence, slopes, and the judging functions that claims name: pure functions on rows of records."""

from reference.statistics import judges as judges  # registers the judging functions
from reference.statistics.cases import Scope as Scope
from reference.statistics.cases import judge as judge
from reference.statistics.equivalence import Equivalence as Equivalence
from reference.statistics.equivalence import paired_equivalence as paired_equivalence
from reference.statistics.intervals import Interval as Interval
from reference.statistics.intervals import error_rate_interval as error_rate_interval
from reference.statistics.intervals import mean_interval as mean_interval
from reference.statistics.intervals import paired_difference as paired_difference
from reference.statistics.intervals import wilson_interval as wilson_interval
from reference.statistics.judgement import STATUSES as STATUSES
from reference.statistics.judgement import Judgement as Judgement
from reference.statistics.judgement import Printed as Printed
from reference.statistics.judgement import Status as Status
from reference.statistics.registry import JUDGES as JUDGES
from reference.statistics.registry import check_arguments as check_arguments
from reference.statistics.registry import rule as rule
from reference.statistics.slopes import Line as Line
from reference.statistics.slopes import fit_line as fit_line
from reference.statistics.slopes import fit_power_law as fit_power_law
