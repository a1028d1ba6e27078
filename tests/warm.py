"""Runs of `skillnb` forked from a process that has its libraries loaded; their notebooks are forked from them, in place of Jupyter kernels.

A kernel takes seconds to start and to import; a fork takes none, so that a kill at a random moment hits the work and not the start. As with kernels,
each notebook has a process of its own, which ends by itself when the run that started it is gone."""
import multiprocessing
import os
import pickle
import sys
import tempfile
import threading
import time
import traceback

from nbformat.v4 import new_output
from papermill.engines import Engine, papermill_engines

LIBRARIES = ("torch", "transformers", "sentence_transformers", "sklearn.cluster", "sklearn.neighbors", "sklearn.linear_model", "sklearn.feature_extraction.text", "rapidfuzz",
             "matplotlib.pyplot", "plotly.graph_objects", "plotly.io", "nbconvert", "jinja2", "openai", "prometheus_client", "IPython.core.interactiveshell", "pandas.io.formats.style",
             *(f"skillnb.{m}" for m in "cli flow about acronyms changes cluster correct drift embed explore facets fetch finish groups inbox label pages plot publish regions "
               "replay resolve scale segment site skillpages tag taxonomy teacher together track train trends".split()))


def _ready():
    "Compute what every run computes alike."
    import pandas as pd
    from skillnb.embed import embed
    from skillnb.taxonomy import concepts, known_elsewhere
    concepts(pd.DataFrame({"skill_id": ["python"], "name": ["Python"]}), embed), known_elsewhere("Python")


def _end_with(parent):
    "End this process when its parent is gone, as a kernel is ended by the next run."
    def watch():
        while os.getppid() == parent: time.sleep(.1)
        os._exit(1)
    threading.Thread(target=watch, daemon=True).start()


def _cell(shell, source):
    "The outputs of one cell; the last is the error if there was one."
    from IPython.utils.capture import capture_output
    with shell.display_trap, capture_output() as got: done = shell.run_cell(source)
    out = [new_output("stream", name=n, text=t) for n, t in (("stdout", got.stdout), ("stderr", got.stderr)) if t]
    out += [new_output("display_data", data=o.data, metadata=o.metadata or {}) for o in got.outputs]
    e = done.error_before_exec or done.error_in_exec
    return out + ([new_output("error", ename=type(e).__name__, evalue=str(e), traceback=traceback.format_exception(e))] if e else [])


def _notebook(cells, out, parent):
    "Run cells one after another, up to the first error, and write the outputs of each to a pipe."
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config
    _end_with(parent)
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    for source in cells:
        pickle.dump(made := _cell(shell, source), out)
        out.flush()
        if made and made[-1].output_type == "error": return


class Forked(Engine):
    "Runs a notebook's cells in a process forked from this one."
    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **_):
        cells, (there, here), me = [c for c in nb_man.nb.cells if c.cell_type == "code"], os.pipe(), os.getpid()
        if not (child := os.fork()):
            try: _notebook([c.source for c in cells], os.fdopen(here, "wb"), me)
            finally: os._exit(0)
        os.close(here)
        with os.fdopen(there, "rb") as made:
            for n, cell in enumerate(cells):
                nb_man.cell_start(cell, n)
                cell.outputs = pickle.load(made)
                if cell.outputs and cell.outputs[-1].output_type == "error": nb_man.cell_exception(cell, n); break
                nb_man.cell_complete(cell, n)
        os.waitpid(child, 0)


def _command(args, environ, cwd, log, kernels):
    "What a forked process does: `skillnb ARGS`."
    from skillnb.cli import main
    if not kernels: papermill_engines.register(None, Forked)
    os.environ |= environ
    tempfile.tempdir = None   # asked for again where it is
    os.chdir(cwd)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2): os.dup2(file, stream)
    sys.argv = ["skillnb", *args]
    main()


_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload([*LIBRARIES, "warm"])
if os.environ.get("WARM"): _ready()   # in the server


def start(args, environ, cwd, log, kernels=False):
    "A `skillnb` with ARGS as a `multiprocessing.Process`; what it says goes to the file `log`. With `kernels`, notebooks run as anybody runs them."
    here = os.pathsep.join(filter(None, (os.path.dirname(os.path.abspath(__file__)), os.environ.get("PYTHONPATH"))))
    os.environ |= {"WARM": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": here}   # for the server, which begins with the first process
    process = _server.Process(target=_command, args=(list(map(str, args)), environ, str(cwd), str(log), kernels))
    process.start()
    return process
