"""Published numbers: what the papers, their code and others report, each with its source and how sure we are of it."""

from reference.published.loading import PAPERS as PAPERS
from reference.published.loading import PublishedNumberError as PublishedNumberError
from reference.published.loading import load as load
from reference.published.number import CONFIDENCES as CONFIDENCES
from reference.published.number import Confidence as Confidence
from reference.published.number import PublishedNumber as PublishedNumber
