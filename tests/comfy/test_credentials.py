import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.comfy.credentials import Credentials
from blender_comfyui.comfy.errors import ComfyError, InvalidCredentials


def test_the_kinds() -> None:
    assert Credentials.none().headers == ()
    assert Credentials.bearer("abc").headers == (("Authorization", "Bearer abc"),)
    assert Credentials.api_key("abc").headers == (("X-API-Key", "abc"),)
    assert Credentials.free({"A": "1", "B": "2"}).headers == (("A", "1"), ("B", "2"))
    assert not Credentials.none()
    assert Credentials.bearer("abc")


@pytest.mark.parametrize("pasted", ["abc", " abc\n", "Bearer abc", "bearer  abc\r\n"])
def test_a_pasted_token_is_cleaned(pasted: str) -> None:
    assert Credentials.bearer(pasted) == Credentials.bearer("abc")


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters=":")),
    st.text(st.characters(codec="utf-8")),
)
def test_basic_is_utf8_base64(user: str, password: str) -> None:
    ((name, value),) = Credentials.basic(user, password).headers
    kind, _, encoded = value.partition(" ")
    assert (name, kind) == ("Authorization", "Basic")
    assert base64.b64decode(encoded, validate=True).decode("utf-8") == f"{user}:{password}"


def test_nothing_shows_a_secret() -> None:
    credentials = Credentials.free({"X-Secret-Name": "hunter2"})
    shown = f"{credentials} {credentials!r} {[credentials]} {vars(type(credentials))}"
    assert "hunter2" not in shown
    assert "X-Secret-Name" not in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", "hunter2"),
        ("X Y", "hunter2"),
        ("X:", "hunter2"),
        ("X\r\nY", "hunter2"),
        ("Ä", "hunter2"),
        ("X-Api: hunter2", "x"),
        ("X", "hunter2\r\nEvil: 1"),
        ("X", "hunter2\0x"),
        ("X", "hunter2\x7fx"),
        ("X", "hunter2 ☃"),
        ("X", "hunter2\ud800"),
        ("Content-Length", "hunter2"),
        ("transfer-encoding", "hunter2"),
    ],
)
def test_bad_headers_are_refused_without_showing_values(name: str, value: str) -> None:
    with pytest.raises(InvalidCredentials) as caught:
        Credentials.free({name: value})
    assert isinstance(caught.value, ComfyError)
    assert isinstance(caught.value, ValueError)
    sentence = str(caught.value)
    assert "hunter2" not in sentence
    assert sentence.isprintable()
    assert sentence.endswith(".")


@pytest.mark.parametrize("names", [("X-Key", "x-key"), ("x-key", "X-Key"), ("X-KEY", "X-Key")])
def test_the_same_header_twice_is_refused(names: tuple[str, str]) -> None:
    with pytest.raises(InvalidCredentials, match="twice"):
        Credentials.free(dict.fromkeys(names, "1"))


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
def test_an_empty_secret_is_refused(empty: str) -> None:
    with pytest.raises(InvalidCredentials, match="API key is empty"):
        Credentials.api_key(empty)
    with pytest.raises(InvalidCredentials, match="token is empty"):
        Credentials.bearer(empty)


def test_bad_basic_credentials_are_refused() -> None:
    with pytest.raises(InvalidCredentials, match="colon"):
        Credentials.basic("a:b", "hunter2")
    with pytest.raises(InvalidCredentials) as caught:
        Credentials.basic("a", "hunter2\ud800")
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text(), st.text())
def test_whatever_is_accepted_can_be_sent(name: str, value: str) -> None:
    try:
        ((sent_name, sent_value),) = Credentials.free({name: value}).headers
    except InvalidCredentials:
        return
    assert sent_name.isascii()
    assert sent_name.strip() == sent_name != ""
    assert not set(sent_value.encode("latin-1")) & {0, 10, 13}
