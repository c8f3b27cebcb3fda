"""``python -m blender_comfyui VERB``: the commands without Blender."""

import sys

from .generation.commands.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
