"""Networks that differ in their parameters alone, such as those of several seeds, evaluated and trained at once."""

from suite.models.replicas.elementwise import elementwise
from suite.models.replicas.field_replicas import field_replicas, put_back
from suite.models.replicas.replicas import Replicas

__all__ = ["Replicas", "elementwise", "field_replicas", "put_back"]
