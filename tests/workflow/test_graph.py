import pytest

from blender_comfyui.workflow.errors import AmbiguousParameter, UnknownParameter
from blender_comfyui.workflow.graph import Link, Place, Workflow, as_link
from tests.workflow.graphs import node, txt2img


def test_titles() -> None:
    workflow = Workflow.load(txt2img())
    assert workflow.title("2") == "Good"
    assert workflow.title("5") == "KSampler"
    assert workflow.title("99") == ""


def test_nodes_by_id_or_title() -> None:
    workflow = Workflow.load(txt2img(n8=node("PreviewAny", "5"), n9=node("A", "Given.Name")))
    assert workflow.node_id("Bad") == "3"
    assert workflow.node_id("KSampler") == "5"
    assert workflow.node_id("5") == "5"
    assert workflow.node_id("Given.Name") == "9"


def test_a_shared_title_is_ambiguous() -> None:
    workflow = Workflow.load(txt2img(n3=node("CLIPTextEncode", "Good", text="", clip=["1", 1])))
    with pytest.raises(
        AmbiguousParameter, match=r"2 nodes are titled “Good”\. Use one of their ids.*\(2, 3\)"
    ) as caught:
        workflow.node_id("Good")
    assert caught.value.node_ids == ("2", "3")


def test_an_unknown_node_and_the_nearest() -> None:
    with pytest.raises(UnknownParameter, match=r"id or title “ksampler2”\. Did you mean “KSampler”\?"):
        Workflow.load(txt2img()).node_id("ksampler2")


def test_ancestors() -> None:
    workflow = Workflow.load(txt2img(n8=node("LoadImage", image="x.png"), n9=node("PreviewImage", images=["8", 0])))
    assert workflow.ancestors(["7"]) == {"1", "2", "3", "4", "5", "6", "7"}
    assert workflow.ancestors(["9"]) == {"8", "9"}
    assert workflow.ancestors(["2"]) == {"1", "2"}
    assert workflow.ancestors(["nowhere"]) == set()


def test_ancestors_of_circles_and_long_chains() -> None:
    circle = {"1": node("A", x=["2", 0]), "2": node("A", x=["1", 0], y=["nowhere", 0])}
    assert Workflow.load(circle).ancestors(["1"]) == {"1", "2"}
    chain = {str(index): node("A", x=[str(index - 1), 0]) for index in range(5000)}
    assert len(Workflow.load(chain).ancestors(["4999"])) == 5000


@pytest.mark.parametrize("value", [["1", 0], ["75:67", 3]])
def test_links(value: list[object]) -> None:
    assert as_link(value) == Link(value[0], value[1])  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [["1"], ["1", 0, 0], [1, 0], ["1", "0"], ["1", True], ("1", 0), "10", None, {}])
def test_values_that_are_no_links(value: object) -> None:
    assert as_link(value) is None


def test_other_values_make_another_workflow() -> None:
    workflow = Workflow.load(txt2img())
    other = workflow.with_values({Place("2", "text"): "a dog"})
    assert workflow.api() == txt2img()
    assert other.api()["2"]["inputs"]["text"] == "a dog"
    assert other != workflow
    assert other.with_values({Place("2", "text"): "a cat"}) == workflow
