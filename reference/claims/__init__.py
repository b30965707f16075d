"""Every claim as data: what is compared with what, by which rule, from which profile on."""

from reference.claims.claim import Claim as Claim
from reference.claims.loading import ClaimError as ClaimError
from reference.claims.loading import load as load
