"""The panel of any workflow: its values as custom properties, what is shown of them, what is wrong with them.

`contents` knows no bpy. The workflow lies in the .blend (`state`), its parameters are made from there
(`building`), each has a custom property (`forms`, `values`), some of which are shown (`shown`, `lines`, `drawing`).
`checking` looks at it before it is sent, `running` sends it. `reception` asks the workshop,
`adopting` takes what it brings.
"""
