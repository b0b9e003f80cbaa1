"""`zongji api …`: the whole HTTP API as commands, made from the route table.

Rule: no command is written by hand. A line in `webui.routes` is a command, its models are the options, its
docstring the help; what the daemon allows is asked of the daemon, over HTTP, with a service token.
"""
