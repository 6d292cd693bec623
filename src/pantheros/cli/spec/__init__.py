"""`panther spec`: changes and specs, by the process of OpenSpec. A file a command, imported when it is run."""

COMMANDS = {
    "gen": "Begin a change, and tell when one is needed.",
    "list": "List the open changes, or the specs.",
    "show": "Show a change or a spec.",
    "validate": "Find what is wrong with changes and specs.",
    "status": "Tell how far the documents of a change are.",
    "review": "Say in a role whether a change may go on; tell which gates are open.",
    "order": "Tell in which order the open changes are safe.",
    "graph": "Draw how the open changes depend on each other.",
    "diff": "Show a change against the specs as they are.",
    "rebase": "Take the specs as they are now for what a change is written against.",
    "impl": "Tell what is to be done next, and what for.",
    "task": "Say that a task is done.",
    "check": "Build and check the fleet, and keep that as evidence.",
    "archive": "Merge a change into the specs, and put it into the archive.",
    "unarchive": "Put everything back as it was before a change was archived.",
    "emergency": "Begin a change that is implemented first, and written down afterwards.",
    "install": "Write the commands for Claude Code and OpenCode.",
}
