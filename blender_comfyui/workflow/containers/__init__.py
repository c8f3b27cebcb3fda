"""What is written in files beside their pictures, sounds and meshes: texts with their names, one module a format.

Each module has a generator that yields (name, text) in the order of the file, reads no more than it must (a video's
pictures are seeked over), and ends with Cut, or without a word, where the file is damaged. No bpy, no network, no
Pillow: that would decode whole animations, or refuse them, to come to the text in front.
"""
