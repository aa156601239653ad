"""Stands in for `python` inside an allocation: hands a script to the process that has its modules loaded already.

Started as ``python -I -S client.py <socket> <python> <arguments>``. Everything but a single script is left to Python.
"""

import json
import os
import socket
import sys


def main() -> None:
    """Run the script in the waiting process with our files, folder and environment, and end as it ends."""
    address, python, *arguments = sys.argv[1:]
    if len(arguments) == 1 and arguments[0].endswith(".py"):
        try:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(address)
        except OSError:  # nobody waits there
            pass
        else:
            request = {"script": os.path.abspath(arguments[0]), "cwd": os.getcwd(), "environ": dict(os.environ)}
            socket.send_fds(connection, [b"\n"], [0, 1, 2])
            connection.sendall(json.dumps(request, allow_nan=False).encode() + b"\n")
            answer = connection.makefile().readline()
            sys.exit(int(answer) if answer else 1)
    os.execv(python, [python, *arguments])


if __name__ == "__main__":
    main()
