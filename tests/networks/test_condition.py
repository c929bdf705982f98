from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from denoiser.networks.condition import Condition, NetworkSpec


def test_unknown_is_all_zeros() -> None:
    planes = Condition().planes()
    assert planes.dtype == np.float32 and planes.tolist() == [0, 0, 0, 0]


def test_known_level_and_kind() -> None:
    planes = Condition(luma=37.5, chroma=15, kind=0.0).planes()
    assert planes.tolist() == pytest.approx([0.5, 0.2, 1, -1])
    assert Condition(luma=0, chroma=0, kind=1.0).planes().tolist() == [0, 0, 1, 1]


def test_a_spec_is_a_fixed_value() -> None:
    spec = NetworkSpec(size_multiple=8, halo=32, formula_radius=60, kmac_per_pixel=57.6, parameters=1)
    assert spec == dataclasses.replace(spec)
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.halo = 16  # type: ignore[misc]
