"""Runs a command on a terminal of its own, types a password each time it is asked for one, and prints all that the terminal showed."""

import os
import pty
import sys

password, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown = b""
prompts = [b"Password: ", b"Again: "]
while True:
    try:
        chunk = os.read(terminal, 4096)
    except OSError:  # Linux' way to say that the other end is closed.
        break
    if not chunk:
        break
    shown += chunk
    if prompts and shown.endswith(prompts[0]):
        prompts.pop(0)
        os.write(terminal, f"{password}x\x7f\r".encode())
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
