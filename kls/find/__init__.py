"""From source text to sites: which names are Keras, where models, layers, data and sinks stand.

`sites` reads one document, `imported` the project modules that it needs, `Resolver` answers what reading alone cannot.
Nothing here runs a line of the author's program: jedi works in a child process that executes no foreign file.
"""

from kls.find.catalog import foreign
from kls.find.modules import imported, package_of
from kls.find.resolver import Resolver
from kls.find.sites import sites

__all__ = ["Resolver", "foreign", "imported", "package_of", "sites"]
