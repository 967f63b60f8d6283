"""Start a program with ONNX Runtime's pools limited to one thread.

    python one_thread.py SCRIPT ARGUMENTS...

A session whose options name no number of threads takes one for each core of the machine and pins
them there, past the core that it was given; on one core the threads would also spin against each
other.  Servers that offer no setting for it are measured faster with this than without.
"""

import runpy
import sys

import onnxruntime

_Options = onnxruntime.SessionOptions


class OneThread(_Options):
    """Options of a session with one thread for an operator and one between operators."""

    def __init__(self) -> None:
        super().__init__()
        self.intra_op_num_threads = 1
        self.inter_op_num_threads = 1


_Session = onnxruntime.InferenceSession


class Session(_Session):
    """A session with the options above, unless it was given its own."""

    def __init__(self, path_or_bytes, sess_options=None, *more, **named) -> None:
        super().__init__(path_or_bytes, sess_options or OneThread(), *more, **named)


onnxruntime.SessionOptions = OneThread
onnxruntime.InferenceSession = Session
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
