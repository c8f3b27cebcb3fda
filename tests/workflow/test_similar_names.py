from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from blender_comfyui.workflow.similar_names import nearest_names, same_file


def test_one_file_written_by_two_systems() -> None:
    assert same_file("sub\\a.safetensors", "sub/a.safetensors")
    assert same_file("e\u0301.pt", "\u00e9.pt")
    assert not same_file("a.safetensors", "sub/a.safetensors")


def test_the_same_file_elsewhere_comes_first() -> None:
    known = ["x/model.ckpt", "b/Model.safetensors", "model-2.safetensors", "a/model.safetensors", "other.pt"]
    assert nearest_names("model.safetensors", known)[:2] == ("a/model.safetensors", "x/model.ckpt")
    assert nearest_names("a\\model.safetensors", known)[0] == "a/model.safetensors"


def test_names_that_are_spelled_nearly_so() -> None:
    known = ["flux1-dev-fp8.safetensors", "sd_xl_base_1.0.safetensors", "ae.safetensors"]
    assert nearest_names("flux1_dev.safetensors", known) == ("flux1-dev-fp8.safetensors",)
    assert nearest_names("nothing like it", known) == ()


def test_other_scripts() -> None:
    known = ["水墨画风格.safetensors", "модель.ckpt", "ＦＬＵＸ.safetensors"]
    assert nearest_names("水墨画风格_v2.safetensors", known) == ("水墨画风格.safetensors",)
    assert nearest_names("Модель.safetensors", known) == ("модель.ckpt",)
    assert nearest_names("flux.ckpt", known) == ("ＦＬＵＸ.safetensors",)


def test_5000_names_take_no_visible_time() -> None:
    known = [f"styles/folder {number % 50}/some long style name {number}.safetensors" for number in range(5000)]
    started = time.process_time()
    assert nearest_names("some long stile name 4711", known)
    assert time.process_time() - started < 1


@settings(max_examples=100, deadline=None)
@given(st.text(), st.lists(st.text() | st.integers() | st.none(), max_size=6))
def test_any_names(name: str, known: list[object]) -> None:
    found = nearest_names(name, known)
    assert len(found) <= 3
    assert all(other in known for other in found)
    if name in known:
        assert same_file(found[0], name)
