import pytest
import torch

from suite.datasets.nested_spheres import NestedSpheres


def test_points_lie_on_the_sphere_of_their_class_in_every_direction() -> None:
    points, labels = NestedSpheres(noise=1e-4).sample(4_000, torch.Generator().manual_seed(0))
    assert points.shape == (4_000, 3)
    for label, radius in ((0, 0.5), (1, 1.0)):
        own = points[labels == label]
        assert len(own) == 2_000
        assert float((own.norm(dim=1) - radius).abs().max()) < 1e-3
        # Uniform on a sphere: the mean is 0 and each coordinate has a third of the squared radius.
        assert float(own.mean(dim=0).abs().max()) < 4 * radius / (3 * 2_000) ** 0.5
        assert torch.allclose(own.square().mean(dim=0), torch.full((3,), radius**2 / 3), rtol=0.08)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="radii"):
        NestedSpheres(inner_radius=2.0)
    with pytest.raises(ValueError, match="even"):
        NestedSpheres().sample(3, torch.Generator())
