"""Letters of Arabic script in the forms in which they join their neighbours, where no text engine does that.

Unicode keeps these forms as characters of their own (blocks Arabic Presentation Forms A and B), and fonts of Arabic
have them; which letter has which forms is read from Python's own table of Unicode.
"""

from __future__ import annotations

import unicodedata
from functools import cache

_FORMS = ("<isolated>", "<final>", "<initial>", "<medial>")
_TATWEEL = "\u0640"
_LAM = "\u0644"


def joined(text: str) -> str:
    """Return a text in the order in which it is read, with every Arabic letter in the form that its neighbours ask for.

    Lam and alef become the one sign that they are written as.
    """
    if not any("\u0600" <= character <= "\u08ff" for character in text):
        return text
    letters = _with_ligatures(text)
    return "".join(_form(letters, number) for number in range(len(letters)))


@cache
def _table() -> dict[str, dict[str, str]]:
    """By letter (or the two of a ligature), its form by the name of the form."""
    found: dict[str, dict[str, str]] = {}
    for code in (*range(0xFB50, 0xFC00), *range(0xFE70, 0xFEFD)):
        form, *base = unicodedata.decomposition(chr(code)).split() or [""]
        letters = "".join(chr(int(number, 16)) for number in base)
        is_ligature = len(letters) > 1
        if form in _FORMS and (not is_ligature or letters[0] == _LAM):
            found.setdefault(letters, {})[form] = chr(code)
    return found


def _with_ligatures(text: str) -> list[str]:
    letters: list[str] = []
    for character in text:
        if letters and letters[-1] == _LAM and _LAM + character in _table():
            letters[-1] += character
        else:
            letters.append(character)
    return letters


def _form(letters: list[str], number: int) -> str:
    here = letters[number]
    forms = _table().get(here)
    if not forms:
        return here
    before = _joins_on(_neighbour(letters, number, -1)) and "<final>" in forms
    after = "<initial>" in forms and _joins_back(_neighbour(letters, number, 1))
    wanted = "<medial>" if before and after else "<final>" if before else "<initial>" if after else "<isolated>"
    return forms.get(wanted) or forms.get("<isolated>") or here


def _neighbour(letters: list[str], number: int, step: int) -> str:
    """Return the next letter; marks above and below it do not part letters."""
    number += step
    while 0 <= number < len(letters) and unicodedata.category(letters[number][0]) == "Mn":
        number += step
    return letters[number] if 0 <= number < len(letters) else ""


def _joins_on(letter: str) -> bool:
    """Whether a letter joins the one after it."""
    return letter == _TATWEEL or "<initial>" in _table().get(letter, {})


def _joins_back(letter: str) -> bool:
    """Whether a letter joins the one before it."""
    return letter == _TATWEEL or "<final>" in _table().get(letter, {})
