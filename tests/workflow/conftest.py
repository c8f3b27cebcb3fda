from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def templates() -> Path:
    """The folder of official templates, each in the editor's and in the API format."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "conversion" / "templates"
    if not folder.is_dir():
        pytest.skip(f"no official templates at {folder}")
    return folder
