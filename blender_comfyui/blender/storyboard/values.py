"""Values of settings as text in one field: as JSON writes them, texts also without quotes. No bpy here."""

import json
from pathlib import PurePath


def written(value: object) -> str:
    """Return the text of a value; a text that would be read as something else gets quotes."""
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, str) and read(value) == value:
        return value
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def read(text: str) -> object:
    """Return the value that a text stands for."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if isinstance(value, list) and all(isinstance(one, str | int | float | bool) for one in value):
        return tuple(value)
    return value if isinstance(value, str | int | float | bool) and value == value else text  # no NaN
