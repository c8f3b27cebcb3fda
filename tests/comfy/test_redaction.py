"""No secret and no home folder comes through, however it is written."""

from __future__ import annotations

import base64
import html
import json
import re
import string
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blender_comfyui.comfy.redaction import HIDDEN, HOME, Redactor

SECRETS = st.text(min_size=4, max_size=40) | st.text(string.ascii_letters + string.digits + "-_.~+/=", min_size=4)
TEXTS = st.text(max_size=80)
SPELLINGS = {
    "as it is": str,
    "in a URL": lambda s: quote(s, safe=""),
    "in a path": quote,
    "in a form": quote_plus,
    "in a URL in a URL": lambda s: quote(quote(s, safe=""), safe=""),
    "all percent, lower case": lambda s: "".join(f"%{byte:02x}" for byte in s.encode()),
    "JSON": lambda s: json.dumps(s)[1:-1],
    "JSON with its letters": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "JSON in JSON": lambda s: json.dumps(json.dumps(s))[1:-1],
    "all \\u": lambda s: "".join(f"\\u{code:04X}" for code in _units(s)),
    "Python": lambda s: repr(s)[1:-1],
    "Python bytes": lambda s: repr(s.encode())[2:-1],
    "HTML": html.escape,
    "HTML by numbers": lambda s: "".join(f"&#{ord(c)};" for c in s),
}


def _units(text: str) -> list[int]:
    data = text.encode("utf-16-be")
    return [int.from_bytes(data[index : index + 2], "big") for index in range(0, len(data), 2)]


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(secret=SECRETS, before=TEXTS, after=TEXTS)
def test_a_known_secret_survives_nowhere(spelling: str, secret: str, before: str, after: str) -> None:
    written = SPELLINGS[spelling](secret)
    clean = Redactor([secret])(before + written + after)
    assert secret not in clean
    assert written not in clean


@given(SECRETS, TEXTS, st.sampled_from([base64.b64encode, base64.urlsafe_b64encode]))
def test_nor_in_the_base64_of_something_around_it(secret: str, user: str, encode: Callable[[bytes], bytes]) -> None:
    for pair in (f"{user}:{secret}", f"{secret}:{user}", secret):
        code = encode(pair.encode()).decode()
        clean = Redactor([secret])(f"<< {code} >>")
        assert code not in clean
        for run in re.findall(r"[\w+/-]+", clean):
            for cut in range(4):
                assert secret not in _decoded(run[cut:])


def _decoded(run: str) -> str:
    whole = run[: len(run) // 4 * 4]
    return base64.b64decode(whole, altchars=b"-_" if {*"-_"} & {*run} else b"+/").decode("utf-8", "ignore")


@given(st.lists(SECRETS, max_size=4), st.lists(SECRETS | TEXTS, max_size=6), st.sampled_from(["", " ", "/", "\\"]))
def test_nor_several_in_each_other(secrets: list[str], parts: list[str], between: str) -> None:
    clean = Redactor(secrets)(between.join([*parts, *secrets, *parts]))
    assert not [secret for secret in secrets if secret in clean]


def test_what_a_hidden_secret_leaves_is_searched_again() -> None:
    assert Redactor(["ab…cd", "wxyz"])("abwxyzcd") == HIDDEN


@given(SECRETS)
def test_json_stays_json(secret: str) -> None:
    text = json.dumps({"message": f"wrong key {secret}", "number": 3})
    assert json.loads(Redactor([secret]).hide_secrets(text))


def test_short_secrets_are_no_reason_to_hide_every_letter() -> None:
    assert Redactor(["abc", ""])("abcdef") == "abcdef"


def test_a_redactor_learns_more_secrets() -> None:
    more = Redactor(["first-secret"], ["/srv/people/ann"], "ann").with_secrets(["second-secret"])
    assert more("first-secret second-secret /srv/people/ann/x /mnt/ann") == "… … ~/x /mnt/…"


VALUE = "Tr0ub4dor.3"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {VALUE}",
        f"authorization: Token {VALUE}\r\nHost: x",
        f"Cookie: a=b; session={VALUE}",
        f"{{'Authorization': 'Bearer {VALUE}', 'Host': 'x'}}",
        f'{{"X-API-Key": "{VALUE}", "a": 1}}',
        f'"{{\\"X-API-Key\\": \\"{VALUE}\\"}}"',
        f"X-API-Key: {VALUE}",
        f"x-auth-token={VALUE}",
        f"CF-Access-Client-Id: {VALUE}",
        f"CF-Access-Client-Secret: {VALUE}",
        f"https://x.org/view?filename=a.png&token={VALUE}&type=output",
        f"https://x.org/view?X-Amz-Signature={VALUE}",
        f"https://x.org/view?sig={VALUE}",
        f"next=%2Fview%3Ftoken%3D{VALUE}",
        f"password='{VALUE}'",
        f"password = 'a \\' b {VALUE}'",
        f"apiKey: {VALUE}",
        f"api_key_comfy_org={VALUE}",
        f"https://me:{VALUE}@comfy.example.org/x",
        f"https://me:a@b/c{VALUE}@comfy.example.org/x",
        f"https://{VALUE}@comfy.example.org/x",
        f"wss://:{VALUE}@[::1]:8188/ws",
        f"https%3A%2F%2Fme%3A{VALUE}%40comfy.example.org",
        f"sent Bearer {VALUE}",
        f"sent basic {base64.b64encode(b'me:' + VALUE.encode()).decode()}",
        f"eyJhbGciOiJIUzI1NiJ9.{VALUE.replace('.', '')}.c2ln",
        f"hf_{VALUE.replace('.', '') * 2}",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    clean = Redactor()(text)
    for told in (VALUE, VALUE.replace(".", ""), base64.b64encode(b"me:" + VALUE.encode()).decode()):
        assert told not in clean
    assert Redactor()(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "HTTP basic authentication, which many proxies ask for",
        "The bearer token is empty. Enter it, or choose no authentication.",
        "max_tokens: 512, tokenizer: t5",
        "http://127.0.0.1:8188/prompt answered 400; write to me@example.org",
        "“Main sampler”, sampler_name: the server does not have “euler_x”. Choose one that it has.",
        'File "/usr/lib/python3.13/threading.py", line 1041, in run',
        "design: a signed sigma=14.6 and auther: x",
        "cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync",
        "5e0b5c9e-8a44-4d2b-9d8a-0d9cf5a1b2c3 finished after 3.2 s",
    ],
)
def test_what_only_sounds_like_one_stays(text: str) -> None:
    assert Redactor(["Tr0ub4dor.3"], ["/srv/people/ann"], "ann")(text) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/home/ann/pictures/a.png", "~/pictures/a.png"),
        ('  File "/home/ann/x.py", line 3, in f', '  File "~/x.py", line 3, in f'),
        ("/home/ann", "~"),
        ("/var/home/ann/x", "~/x"),
        ("/Users/ann/Library", "~/Library"),
        ("C:\\Users\\ann\\AppData", "~\\AppData"),
        ("c:\\users\\Ann Smith\\AppData", "~\\AppData"),
        ("C:/Users/ann/AppData", "~/AppData"),
        ("C:\\Documents and Settings\\Ann Smith\\x", "~\\x"),
        ('"C:\\\\Users\\\\ann\\\\x"', '"~\\\\x"'),
        ('"C:\\\\Users\\\\J\\u00fcrgen\\\\x"', '"~\\\\x"'),
        ("'C:\\\\Users\\\\ann'", "'~'"),
        ("file:///home/ann/x.blend", "file:~/x.blend"),
        ("%2Fhome%2Fann%2Fx", "~%2Fx"),
        ("C%3A%5CUsers%5CAnn%20Smith%5Cx", "~%5Cx"),
        ("%252Fhome%252Fann%252Fx", "~%252Fx"),
        ("/home/ann: no such folder", "~: no such folder"),
        ("/mnt/people/ann/x and /MNT/People/Ann", "~/x and ~"),
        ("%2Fmnt%2Fpeople%2Fann%2Fx", "~%2Fx"),
        ("/mnt/people/anna/x", "/mnt/people/anna/x"),
        ("/media/ann/disk/ann.blend, D:\\ann\\x", "/media/…/disk/….blend, D:\\…\\x"),
        ("/run%2Fann%2Fx of ann", "/run%2F…%2Fx of ann"),
    ],
)
def test_home_folders_and_the_login_in_paths_are_hidden(text: str, clean: str) -> None:
    assert Redactor((), ["/mnt/people/ann"], "ann")(text) == clean


@given(
    st.text("ghijklmnopqrstuvwxyz._-äöé", min_size=1, max_size=20),
    st.sampled_from(["/home/{}", "/Users/{}", "C:\\Users\\{}", "/var/home/{}", "D:/users/{}"]),
    st.sampled_from(["", "/X", "\\X", "\\\\X/Y"]),
    st.sampled_from([str, quote, lambda path: quote(path, safe=""), lambda path: json.dumps(path)[1:-1], repr]),
    st.text(string.ascii_uppercase + " \n", max_size=40),
)
def test_no_name_survives_in_a_home_folder(
    name: str, folder: str, rest: str, write: Callable[[str], str], around: str
) -> None:
    clean = Redactor()(f"{around} {write(folder.format(name) + rest)} {around}")
    for spelling in (name, quote(name), json.dumps(name)[1:-1]):
        assert spelling not in clean
    assert clean.count(HOME) == 1


def test_long_runs_take_no_long_time() -> None:
    """A body with 200,000 of what an expression could run over again and again."""
    redactor = Redactor(['a\\\\b"c+/é', "%2525", "aaaaaaaaab"], ["/home/aaaa"], "aaaa")
    for piece in ("\\", "%25", "a", "/", "://", "A=", "eyJ", "basic ", '"token":"', "%5c", "/home/", "&#0"):
        redactor(piece * (100_000 // len(piece)))
