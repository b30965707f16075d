"""Settings of the experiment on augmented channels and nodes, and on regularisers."""

from __future__ import annotations

from dataclasses import dataclass

from suite.declarations import Settings, setting


@dataclass(frozen=True)
class RegularisationSettings(Settings):
    """Data, networks, training and weights. The paper's text names the methods and has no experiment on them."""

    image_side: int = setting(8, ours="pixels: the digits that come with scikit-learn at their own resolution")
    train_images: int = setting(1_442, ours="all of them; a smaller profile takes the first")
    test_images: int = setting(355, ours="all of them, likewise")
    image_extra: int = setting(4, ours="channels of zeros beside the one of the image")
    image_hidden: int = setting(16, ours="channels between the two convolutions of the augmented field")
    image_hidden_plain: int = setting(76, ours="the same without augmentation: as many parameters as the augmented one")
    image_epochs: int = setting(60, ours="of minibatches in random order")
    image_batch: int = setting(128, ours="images of a minibatch")
    graph_members: int = setting(80, ours="nodes of each of three communities of a stochastic block model")
    graph_extra: int = setting(4, ours="zeros beside the two features of a node")
    graph_hidden: int = setting(16, ours="size between the two graph convolutions of the augmented field")
    graph_hidden_plain: int = setting(42, ours="the same without augmentation: as many parameters as the augmented one")
    graph_iterations: int = setting(300, ours="each on a new random graph")
    test_graphs: int = setting(20, ours="graphs of the same model that are never trained on")
    points: int = setting(2_048, ours="training points of two spirals, full batch")
    spirals_scale: float = setting(0.15, ours="on spirals of the released generator: they then reach to about 2")
    spirals_noise: float = setting(0.4, source="the authors' library, a tutorial; before scaling, and here Gaussian")
    spirals_extra: int = setting(2, ours="zeros beside the two coordinates of a point")
    hidden: int = setting(64, ours="units of the field, as in the authors' tutorials on spirals")
    iterations: int = setting(1_000, ours="full-batch steps with each weight")
    weights: tuple[float, ...] = setting(
        (0.0, 1e-4, 1e-3, 1e-2, 1e-1), ours="of the regulariser's integral beside the cross-entropy; the first is zero"
    )
    learning_rate: float = setting(1e-2, ours="of Adam, as in the authors' tutorials")
    tolerance: float = setting(1e-3, ours="of dopri5 in training, relative and absolute")
    test_tolerances: tuple[float, ...] = setting(
        (1e-3, 1e-5, 1e-7), ours="at which the evaluations of a trained flow are counted"
    )
    test_points: int = setting(10_000, ours="never trained on")
    exact_points: int = setting(16, ours="whose Jacobian norm is compared with Hutchinson's estimate")
    probes: int = setting(2_000, ours="of that estimate")
