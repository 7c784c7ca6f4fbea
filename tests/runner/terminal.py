"""A program on a pseudo-terminal, as a user at the keyboard sees it."""

import os
import pty
import re
import select
import signal
import time


class Terminal:
    """Starts the program; close() ends it if it still runs."""

    def __init__(self, arguments, cwd, env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(cwd)
                os.execve(arguments[0], arguments, dict(env, TERM='xterm'))
            finally:  # it is no longer the test that runs here
                os._exit(127)
        self.output = ''
        self.read_until = 0

    def send(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern, seconds=20):
        """Waits until the output not yet expected matches; returns the match."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.output[self.read_until:], re.S)
            if match:
                self.read_until += match.end()
                return match
            if not self._read_more(deadline - time.monotonic()):
                raise AssertionError(
                    f'{pattern!r} did not come; since the last match: {self.output[self.read_until:]!r}')

    def wait(self, seconds=20):
        """The exit code of the program; negative for a signal."""
        deadline = time.monotonic() + seconds
        while self._read_more(min(0.1, deadline - time.monotonic())) or time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid != 0:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f'still running; output: {self.output[self.read_until:]!r}')

    def close(self):
        if self.pid != 0:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def _read_more(self, seconds):
        if seconds <= 0 or not select.select([self.fd], [], [], seconds)[0]:
            return False
        try:
            piece = os.read(self.fd, 65536)
        except OSError:  # the other side has closed
            return False
        self.output += piece.decode(errors='replace')
        return bool(piece)
