import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from blender_comfyui.comfy.address import ServerAddress
from blender_comfyui.comfy.errors import InvalidAddress

TYPED = {
    "localhost": "http://localhost:8188",
    "  localhost  ": "http://localhost:8188",
    "localhost:8188/": "http://localhost:8188",
    "LOCALHOST": "http://localhost:8188",
    "localhost.": "http://localhost:8188",
    "localhost:": "http://localhost:8188",
    "192.0.2.7": "http://192.0.2.7:8188",
    "192.0.2.7:9000": "http://192.0.2.7:9000",
    "http://192.0.2.7:8188/prefix/": "http://192.0.2.7:8188/prefix",
    "http://127.0.0.1:8188/?something#x": "http://127.0.0.1:8188",
    "http://127.0.0.1:8188#workflow": "http://127.0.0.1:8188",
    "http://127.0.0.1:8188/api": "http://127.0.0.1:8188",
    "http://127.0.0.1:8188/comfy/api/": "http://127.0.0.1:8188/comfy",
    "ws://127.0.0.1:8188/ws?clientId=1": "http://127.0.0.1:8188",
    "wss://comfy.example.org/ws": "https://comfy.example.org",
    "https://comfy.example.org": "https://comfy.example.org",
    "HTTPS://Comfy.Example.ORG/A//b/": "https://comfy.example.org/A/b",
    "https://comfy.example.org:8443": "https://comfy.example.org:8443",
    "comfy.example.org": "http://comfy.example.org:8188",
    "http://comfy.example.org": "http://comfy.example.org:80",
    "http://comfy.example.org:8188": "http://comfy.example.org:8188",
    "http://localhost": "http://localhost:8188",
    "http://192.168.1.20": "http://192.168.1.20:8188",
    "http://workstation": "http://workstation:8188",
    "http://workstation.local": "http://workstation.local:8188",
    "http://workstation/comfy": "http://workstation:80/comfy",
    "workstation/comfy": "http://workstation:8188/comfy",
    "http://localhost:80": "http://localhost:80",
    "https://localhost": "https://localhost",
    "[::1]:8188": "http://[::1]:8188",
    "[::1]": "http://[::1]:8188",
    "::1": "http://[::1]:8188",
    "http://[2001:DB8::0:1]:9/x": "http://[2001:db8::1]:9/x",
    "[fe80::1%25eth0]": "http://[fe80::1%eth0]:8188",
    "0.0.0.0:8188": "http://127.0.0.1:8188",
    "http://[::]:8188": "http://[::1]:8188",
    "bücher.example": "http://xn--bcher-kva.example:8188",
    "１２７.0.0.1": "http://127.0.0.1:8188",
    "comfy_ui:8188": "http://comfy_ui:8188",
    "http:/localhost:8188": "http://localhost:8188",
    "http:\\\\localhost:8188\\": "http://localhost:8188",
    '"http://localhost:8188"': "http://localhost:8188",
    "https://comfy.example.org/à b".replace(" ", "%20"): "https://comfy.example.org/%C3%A0%20b",
}


@pytest.mark.parametrize(("typed", "expected"), TYPED.items())
def test_what_people_type(typed: str, expected: str) -> None:
    address = ServerAddress.parse(typed)
    assert str(address) == expected
    assert ServerAddress.parse(str(address)) == address


def test_parts_and_urls() -> None:
    address = ServerAddress.parse("https://comfy.example.org/a/b/")
    assert address == ServerAddress("https", "comfy.example.org", 443, "/a/b")
    assert address.origin == "https://comfy.example.org"
    assert address.http("/prompt") == "https://comfy.example.org/a/b/prompt"
    assert address.http("history/1?x=2") == "https://comfy.example.org/a/b/history/1?x=2"
    assert address.websocket("1 &ü") == "wss://comfy.example.org/a/b/ws?clientId=1%20%26%C3%BC"


def test_urls_of_an_ipv6_server() -> None:
    address = ServerAddress.parse("::1")
    assert address == ServerAddress("http", "::1", 8188, "")
    assert address.http("/queue") == "http://[::1]:8188/queue"
    assert address.websocket("c") == "ws://[::1]:8188/ws?clientId=c"


def test_an_origin_is_without_the_usual_port() -> None:
    assert ServerAddress.parse("http://localhost:80").origin == "http://localhost"
    assert ServerAddress.parse("http://localhost").origin == "http://localhost:8188"


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "LocalHost."]
)
def test_loopback(host: str) -> None:
    assert ServerAddress.parse(host).is_loopback


@pytest.mark.parametrize(
    "host",
    [
        "localhost.evil.com",
        "127.0.0.1.evil.com",
        "evil-localhost",
        "x.localhost",
        "192.168.1.1",
        "[::2]",
        "[::ffff:8.8.8.8]",
        "10.0.0.1",
    ],
)
def test_not_loopback(host: str) -> None:
    assert not ServerAddress.parse(host).is_loopback


BAD = [
    "localhost:0",
    "localhost:65536",
    "localhost:eighty",
    "localhost:８１８８",
    "localhost:-1",
    "localhost:99999999999999999999",
    "ftp://localhost",
    "file:///etc/passwd",
    "192.168.1.300",
    "192.168.1",
    "127.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "2130706433",
    "[::1",
    "[localhost]",
    "[::1]8188",
    "::1::2",
    "fe80::1%a b",
    "local host",
    "localhost 8188",
    "-bad-",
    "a..b",
    "bü\u2028cher.example",
    "http://localhost/a b",
    "http://localhost/../x",
    "http://localhost/a\nb",
    "x" * 300,
    "x" * 64 + ".org",
]


@pytest.mark.parametrize("typed", BAD)
def test_bad_input_is_shown_in_one_sentence(typed: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        ServerAddress.parse(typed)
    sentence = str(caught.value)
    assert isinstance(caught.value, ValueError)
    assert typed[:2] in sentence
    assert sentence.isprintable()
    assert sentence.endswith(".")
    assert len(sentence) < 250


@pytest.mark.parametrize("typed", ["", "   ", "\n"])
def test_empty(typed: str) -> None:
    with pytest.raises(InvalidAddress, match=r"^The server address is empty\. Type it like 127\.0\.0\.1:8188"):
        ServerAddress.parse(typed)


@pytest.mark.parametrize("typed", ["http://", ":8188", "/path", "https:///?x"])
def test_no_host(typed: str) -> None:
    with pytest.raises(InvalidAddress, match="names no server"):
        ServerAddress.parse(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "http://user:hunter2@host",
        "user:hunter2@host:8188",
        "http://user:hun/hunter2@host",
        "http://user:hun?hunter2@host",
        "http://user:hun#hunter2@host",
        "http://user:hunter2＠host",
        "ftp://user:hunter2@host",
        "http:\\\\user:hunter2@host",
    ],
)
def test_a_password_is_refused_and_not_shown(typed: str) -> None:
    with pytest.raises(InvalidAddress, match="enter it as credentials") as caught:
        ServerAddress.parse(typed)
    chain = caught.value
    assert "hunter2" not in repr(chain) + str(chain) + chain.details
    assert chain.__cause__ is None
    assert chain.__context__ is None


def test_a_token_in_the_query_is_not_shown() -> None:
    with pytest.raises(InvalidAddress) as caught:
        ServerAddress.parse("http://host:bad/?token=hunter2")
    assert "host:bad" in str(caught.value)
    assert "hunter2" not in str(caught.value)


typed_text = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="htps:/[]%.@?#0123456789abx\\ -_é", max_size=40),
    st.tuples(st.sampled_from(["http://", "https://", "ws:/", ""]), st.text(max_size=20)).map("".join),
)


@given(typed_text)
@example("host/\ud800")
@example("\ud800")
@example("[::1%\r\n]")
def test_any_text_parses_or_is_refused_readably(typed: str) -> None:
    try:
        address = ServerAddress.parse(typed)
    except InvalidAddress as error:
        str(error).encode()
        return
    assert ServerAddress.parse(str(address)) == address
    assert 1 <= address.port <= 65535
    for url in (address.http("/x"), address.websocket("c"), address.origin):
        assert url.isascii()
        assert url.isprintable()
        assert not set(url) & {" ", "@"}
