"""What every operator has in common that changes the scene's settings."""

from bpy.types import Context


class ChangingOperator:
    """Refuses where a change would not be saved, and says so."""

    @classmethod
    def poll(cls, context: Context) -> bool:
        if context.scene is not None and context.scene.library is not None:
            cls.poll_message_set("The scene is linked from another file, and changes there are not saved")
            return False
        return context.scene is not None
