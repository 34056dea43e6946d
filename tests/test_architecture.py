"""What holds for the whole tree: public names exist and are documented; nothing reads pickle or evaluates text."""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import unrolled

SOURCE = Path(unrolled.__file__).parent
PACKAGES = ["unrolled", *sorted(f"unrolled.{info.name}" for info in pkgutil.iter_modules([str(SOURCE)]))]
FORBIDDEN_IMPORTS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
FORBIDDEN_CALLS = {"eval", "exec", "torch.load", "torch.save"}


@pytest.mark.parametrize("name", PACKAGES)
def test_public_names_exist_and_are_documented(name):
    if name == "unrolled.__main__":
        pytest.skip("runs the command line")
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    public = getattr(module, "__all__", [])
    assert len(set(public)) == len(public)
    for one in public:
        value = getattr(module, one)
        if inspect.isclass(value) or inspect.isfunction(value) or inspect.ismodule(value):
            assert (value.__doc__ or "").strip(), f"{name}.{one} has no docstring"


def dotted(node):
    """``torch.load`` of an attribute node, ``eval`` of a name."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda file: str(file.relative_to(SOURCE)))
def test_no_pickle_and_no_evaluation_of_text(file):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            assert not {alias.name.split(".")[0] for alias in node.names} & FORBIDDEN_IMPORTS, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert (node.module or "").split(".")[0] not in FORBIDDEN_IMPORTS, node.lineno
        elif isinstance(node, ast.Call):
            assert dotted(node.func) not in FORBIDDEN_CALLS, node.lineno
