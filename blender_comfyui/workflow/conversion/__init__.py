"""From a workflow of ComfyUI's editor to the API format; ``..convert`` is the way in. No bpy, no network.

=============  ======================================================================
graphs         a file, read and checked: graphs, nodes, links, subgraph definitions
layout         a node's inputs and the values of its widgets, by its class's definition
nodes          what is known of each node, worked out once
groups         old group nodes, rewritten as subgraph definitions
scopes         subgraph instances, opened up into a tree
promoted       values that an instance gives to the widgets inside it
routes         from an input back to the output or the value that feeds it
texts          what is replaced in texts: comments, {a|b}, %date:…%, %Node.widget%
prompt         all of it together
=============  ======================================================================

The rules are those of the official front end, https://github.com/Comfy-Org/ComfyUI_frontend, version 1.58.1.
"""
