"""Tasks and tiers in the panel: what is asked for, how well, what a person sets instead, and with which models.

`files` has the YAML files, `asking` the thread that tells what can be had, `state` what lies in the .blend, `in_place`
is the imported workflow that makes a task, `wishes` makes an order of it all, `drawing`, `rows`, `model_rows` and
`lora_rows` show it. `words` and `choices` have no state.
"""
