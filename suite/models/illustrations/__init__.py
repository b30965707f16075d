"""Small vector fields that are drawn rather than trained."""

from suite.models.illustrations.scalar_field import ScalarField, random_scalar_field

__all__ = ["ScalarField", "random_scalar_field"]
