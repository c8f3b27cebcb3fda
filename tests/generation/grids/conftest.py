"""What tests of grids share with those of tasks."""

from tests.generation.tasks.conftest import open_session

__all__ = ["open_session"]
