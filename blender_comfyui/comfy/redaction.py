"""Takes secrets and home folders out of texts that people keep, copy or send on. No network here, no bpy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from .spellings import SEPARATOR, escaped, folder, grown, in_base64, replaced, spelled

HIDDEN = "…"  # one character, so that every replacement makes a text shorter
HOME = "~"
SHORTEST = 4  # characters; hiding shorter secrets everywhere would tell more than it hides

_NAMES = (
    r"token|passw(?:or)?d|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|signature"
    r"|session[_-]?id|cf-access-client-id|(?<![a-z])(?:pwd|sig|auth)"
)
_IS = r"(?:_comfy_org)?(?![a-z])\\{0,8}[\"']?\s{0,4}(?::(?!/)|=|%3D|%3A(?!%2F))\s{0,4}"
_QUOTE = r"(?P<quote>\\{0,8}[\"'])?"
_QUOTED = r"(?:(?!(?P=quote))(?:\\.|.)){1,8000}"
_SHAPES = (
    rf"(?P<kept>(?:authorization|cookie){_IS}{_QUOTE})(?(quote){_QUOTED}|[^\r\n\"']{{1,8000}})",
    rf"(?P<kept>(?:{_NAMES}){_IS}{_QUOTE})(?(quote){_QUOTED}|[^\s\"'&,;<>)}}\]]{{1,8000}})",
    r"(?P<kept>\bbearer(?:\s{1,4}|%20|\+))[\w.~+/=%-]{8,8000}",
    # "basic authentication" is none
    r"(?P<kept>\bbasic(?:\s{1,4}|%20|\+))(?=[a-z+/]{0,400}(?-i:[A-Z0-9=]))[\w+/=%-]{6,8000}",
    r"(?P<kept>(?::|%3A)(?:/|%2F){2})[^\s\"'<>]{1,1000}(?=@|%40)",  # https://me:pw@host
    r"(?P<kept>\b)eyJ[\w-]{8,4000}\.[\w-]{4,8000}(?:\.[\w-]{1,4000})?",  # a JSON web token
    r"(?P<kept>\b)(?:sk|hf|ghp|comfyui)[_-][\w-]{16,400}",  # keys whose makers mark them
)
_LOOKS_SECRET = tuple(re.compile(shape, re.IGNORECASE | re.DOTALL) for shape in _SHAPES)
_IN_NAME = r"(?:\\{1,8}u[0-9a-f]{4}|%(?!(?:25){0,4}(?:2f|5c))|[^\s/\\\"'<>|*?:;,&%)\]}])"
_ANY_HOME = re.compile(
    # on Windows names may hold spaces: they are believed where the path goes on
    rf"(?:\b[a-z](?::|%3A))?{SEPARATOR}(?:var{SEPARATOR})?(?:home|users|documents(?: |%20|\+)and(?: |%20|\+)settings)"
    rf"{SEPARATOR}(?:(?:{_IN_NAME}| ){{1,64}}(?<! )(?=\\|%5C)|{_IN_NAME}{{1,64}})",
    re.IGNORECASE,
)


class Redactor:
    """Calling it gives a text without the secrets, without what looks like one, and without home folders.

    `homes` are folders that become "~", `login` is hidden where it is the name of a folder or file. Secrets of fewer
    than four characters are hidden only where something says that they are some. A Redactor never changes.
    """

    def __init__(self, secrets: Iterable[str] = (), homes: Iterable[str] = (), login: str = "") -> None:
        self.secrets = frozenset(secret for secret in secrets if len(secret) >= SHORTEST)
        self._homes = tuple(home for home in homes if len(home) >= SHORTEST)
        self._login = login

    def with_secrets(self, secrets: Iterable[str]) -> Redactor:
        """The same, for more secrets."""
        return Redactor(self.secrets.union(secrets), self._homes, self._login)

    def __call__(self, text: str) -> str:
        text = self.hide_secrets(text)
        for pattern in _LOOKS_SECRET:
            text = pattern.sub(rf"\g<kept>{HIDDEN}", text)
        for pattern, name in self._paths:
            text = pattern.sub(name, text)
        return self.hide_secrets(text)

    def hide_secrets(self, text: str) -> str:
        """Take out the known secrets only: what is left of JSON is still JSON."""
        while spans := self._spans(text):  # what moves together may be a secret anew
            text = replaced(text, spans, HIDDEN)
        return text

    def _spans(self, text: str) -> list[tuple[int, int]]:
        escapes = self._escaped if any(mark in text for mark in "%\\&") else ()
        spans = [match.span() for pattern in (*self._plain, *escapes) for match in pattern.finditer(text)]
        encoded = [match.span() for pattern in self._encoded for match in pattern.finditer(text)]
        return spans + [grown(text, *span) for span in encoded]

    # Made when first needed, which as a rule is off Blender's main thread: a long token takes 20 ms.

    @cached_property
    def _plain(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(spelled(secret)) for secret in sorted(self.secrets))

    @cached_property
    def _escaped(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(spelling) for secret in sorted(self.secrets) for spelling in escaped(secret))

    @cached_property
    def _encoded(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(spelled(core)) for secret in sorted(self.secrets) for core in in_base64(secret))

    @cached_property
    def _paths(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        homes = [(re.compile(folder(home), re.IGNORECASE), HOME) for home in self._homes]
        if not self._login:
            return (*homes, (_ANY_HOME, HOME))
        name = rf"(?:(?<=[/\\])|(?<=%2F)|(?<=%5C)){spelled(self._login)}(?![\w-])"
        return (*homes, (_ANY_HOME, HOME), (re.compile(name, re.IGNORECASE), HIDDEN))
