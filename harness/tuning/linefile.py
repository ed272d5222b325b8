"""A file of lines to which one process adds, with space on disk reserved behind its text.

A line is written with one call and its end last: a line that was cut off says nothing. Behind the
text are zeros, which no line has.
"""

from __future__ import annotations

import errno
import os

MAX_BYTES = 64 << 20  # a thousand tasks on a thousand CPUs take less


class LineFile:
    """Lines below an open descriptor, which this owns. Every OSError is the disk's."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._end = 0  # of the text that was read or written here
        self._reserved = os.fstat(fd).st_size
        self._is_clean = False  # nothing but zeros behind the text

    def read(self) -> list[bytes]:
        """Whole lines that were added since this was last asked, by whomever."""
        text = os.pread(self.fd, MAX_BYTES, self._end).partition(b"\0")[0]
        lines = text.split(b"\n")[:-1]  # the last one was cut off, or is empty
        self._end += sum(len(line) + 1 for line in lines)
        self._is_clean = False
        return lines

    def add(self, data: bytes, *, room: int = 0, durable: bool = False) -> None:
        """Lines with their ends behind the text, and `room` bytes reserved for more.

        By one call, and not with O_APPEND: that would write behind what is reserved.
        """
        if self.fd < 0:
            raise OSError(errno.EBADF, "is closed")
        if not self._is_clean:
            self._wipe()
        if self._end + len(data) + room > self._reserved:
            self._reserve(len(data) + room)
        self._is_clean = False
        if os.pwrite(self.fd, data, self._end) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._end += len(data)
        self._is_clean = True
        if durable:
            os.fdatasync(self.fd)

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def _reserve(self, length: int) -> None:
        wanted = self._end + length
        if wanted > MAX_BYTES:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        try:
            os.posix_fallocate(self.fd, self._end, length)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # a file system without it
                raise
        self._reserved = wanted

    def _wipe(self) -> None:
        """Zeros behind the text, so that the rest of a cut line never becomes part of another."""
        rest = len(os.pread(self.fd, MAX_BYTES, self._end).rstrip(b"\0"))
        if rest:
            os.pwrite(self.fd, bytes(rest), self._end)
        self._is_clean = True
