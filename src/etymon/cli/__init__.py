"""The command: arguments in, calls out. Nothing heavy is imported until a command needs it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from etymon.cli.parser import make_parser
from etymon.cli.refusals import fill_standard_streams, is_panic, leave_standard_output, refusal
from etymon.cli.signals import forget_interrupt
from etymon.errors import EtymonError

INTERNAL_ERROR = 70
# As shells number the end of a process by a signal: 128 and the number of SIGINT, of SIGPIPE.
STOPPED_BY_KEYBOARD, NOBODY_READS = 130, 141


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit code of the process.

    0: done. 1: a mistake or a fault, told in words. 2: the command line itself was wrong. 70: a bug of ours.
    74: the disk. 75: stopped as asked, the same command goes on. 130: stopped by Ctrl-C where nothing had to be saved.
    141: whoever read the output has gone.
    """
    # Before torch loads its threads: those that wait by spinning stand still where another program wants the same cores
    # (on two cores with one other busy program, training steps were 3 to 14 times slower).
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    fill_standard_streams()
    options = make_parser().parse_args(words)
    module, _, name = options.call.partition(":")
    try:
        code = int(getattr(import_module(module), name)(options) or 0)
        sys.stdout.flush()
        return code
    except EtymonError as error:
        if options.debug:
            raise
        label = "stopped" if error.exit_code == 75 else "error"
        print(f"{label}: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output has gone (`etymon ls | head`); Python must not complain about it at exit.
        leave_standard_output()
        return NOBODY_READS
    except KeyboardInterrupt:
        print("stopped: by Ctrl-C; everything finished before is kept", file=sys.stderr)
        forget_interrupt()
        return STOPPED_BY_KEYBOARD
    except BaseException as error:
        if options.debug or not (isinstance(error, Exception) or is_panic(error)):
            raise
        refused = refusal(error)
        if refused is not None:
            print(f"error: {refused}", file=sys.stderr)
            return refused.exit_code
        print(
            f"error: {type(error).__name__}: {error}\n  why: this is a bug in etymon, not a mistake of yours\n"
            f"  help: run the same command with --debug and report what it prints; nothing that was finished is lost",
            file=sys.stderr,
        )
        return INTERNAL_ERROR
