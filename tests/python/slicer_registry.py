"""Registers a command-line module with the real Slicer libraries of PyPI's slicer-core, as Slicer's module factory does.

slicer-core's Python cannot: ModuleDescription is no VTK class. Its C++ functions are exported, so they are called by name. The wheel is
built with the old string of libstdc++ (one pointer), which every libstdc++ still exports.
"""
import ctypes
import pathlib

import slicer_core

_FOLDER = pathlib.Path(slicer_core.__file__).parent
_STANDARD = ctypes.CDLL("libstdc++.so.6")
_PARSER = ctypes.CDLL(str(next(_FOLDER.rglob("libModuleDescriptionParser*.so*"))))
_CLI = ctypes.CDLL(str(_FOLDER / "libMRMLCLI.so"))
_LARGER_THAN_A_DESCRIPTION = 16384


class _String:
    def __init__(self, text):
        self.storage = ctypes.create_string_buffer(8)
        allocator = ctypes.create_string_buffer(8)
        _STANDARD["_ZNSsC1EPKcRKSaIcE"](self.storage, ctypes.c_char_p(text.encode()), allocator)


class Refused(Exception):
    """Slicer's parser does not accept the description."""


def register(xml, program):
    """Parses `xml` with Slicer's own parser and registers it for the executable `program`."""
    description = ctypes.create_string_buffer(_LARGER_THAN_A_DESCRIPTION)
    _PARSER["_ZN17ModuleDescriptionC1Ev"](description)
    parser = ctypes.create_string_buffer(256)
    if _PARSER["_ZN23ModuleDescriptionParser5ParseERKSsR17ModuleDescription"](parser, _String(xml).storage, description) != 0:
        raise Refused(xml[:200])
    for setter, text in (("SetTarget", str(program)), ("SetLocation", str(program)), ("SetType", "CommandLineModule")):
        _PARSER[f"_ZN17ModuleDescription{len(setter)}{setter}ERKSs"](description, _String(text).storage)
    _CLI["_ZN28vtkMRMLCommandLineModuleNode25RegisterModuleDescriptionE17ModuleDescription"](description)
