import dataclasses

import pytest

from denoiser.networks.spec import NetworkSpec


def test_a_spec_is_a_fixed_value():
    spec = NetworkSpec(size_multiple=8, halo=32, formula_radius=60, kmac_per_pixel=57.6, parameters=1)
    assert spec == dataclasses.replace(spec)
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.halo = 16
