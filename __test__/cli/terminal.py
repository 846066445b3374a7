"""Runs a program on a terminal of its own and talks about it over standard streams, so that a spec can press keys and look at the terminal.

Lines in: `key <text>` (JSON string), `signal <number>`, `resize <rows> <columns>`. Lines out, as JSON: `{"pid"}`, `{"out": text}` as it comes, and at the end
`{"code", "signal", "isSame"}`: whether the terminal's settings are those from before.
"""

import fcntl, json, os, pty, select, signal, struct, sys, termios


def tell(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


leader, follower = pty.openpty()
resize(leader, *map(int, os.environ["HAWSER_TERMINAL_SIZE"].split()))
before = termios.tcgetattr(follower)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(follower, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(follower, fd)
    os.execvp(sys.argv[1], sys.argv[1:])
tell(pid=pid)
rest = b""
status = None
while True:
    ready, _, _ = select.select([leader, sys.stdin], [], [], 0.05)
    if leader in ready:
        data = os.read(leader, 65536)
        tell(out=data.decode("utf-8", "replace"))
    if sys.stdin in ready:
        chunk = os.read(0, 65536)
        if chunk == b"":
            os.kill(pid, signal.SIGKILL)
        rest += chunk
        while b"\n" in rest:
            line, rest = rest.split(b"\n", 1)
            word, _, argument = line.decode().partition(" ")
            if word == "key":
                os.write(leader, json.loads(argument).encode())
            elif word == "signal":
                os.kill(pid, int(argument))
            elif word == "resize":
                resize(leader, *map(int, argument.split()))
    if status is None:
        done, found = os.waitpid(pid, os.WNOHANG)
        if done:
            status = found
    elif not ready:
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        tell(code=code, signal=by, isSame=termios.tcgetattr(follower) == before)
        break
