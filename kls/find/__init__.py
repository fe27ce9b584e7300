"""From source text to sites: which names are Keras, where models, layers, data and sinks stand.

`sites` reads one document, `worth_running` says whether a dry run could find anything at fault in what was read,
`imported` finds the project modules that it needs, `data_files` the data files that they speak of, `working_folder`
where their paths start, and `callers` the programs that need it; `Resolver` answers what reading alone cannot.
Nothing here runs a line of the author's program: jedi works in a child process that executes no foreign file.
"""

from kls.find.callers import Caller, callers
from kls.find.catalog import foreign
from kls.find.data_files import data_files, working_folder
from kls.find.modules import imported, package_of, started_in
from kls.find.resolver import Resolver
from kls.find.sites import sites, worth_running

__all__ = [
    "Caller", "Resolver", "callers", "data_files", "foreign", "imported", "package_of", "sites", "started_in",
    "working_folder", "worth_running",
]  # fmt: skip
