#!/usr/bin/env python3
"""Writes the reference of a Python package as Markdown pages, from its sources alone: nothing of it is imported.

Public is what `__all__` of the package names, and the modules whose names begin with a letter. Words are the docstrings'; signatures stand as
they are written.

    python3 docs/python_api.py python/metapicture FOLDER

leaves `python.md` (functions), `python-classes.md`, `python-errors.md`, and `python-NAME.md` for every public module. `make reference` takes them over.
"""

import ast
import re
import sys
from pathlib import Path

TOP = """# Python: functions

What `import metapicture` brings, from its docstrings; the types are on [Python: classes](python-classes.md), and what is raised on
[Python: errors](python-errors.md). [Python and notebooks](../guides/python.md) shows how it is used. Examples are run by the package's tests.
"""
CLASSES = """# Python: classes

What the [functions](python.md) take and give.
"""
ERRORS = """# Python: errors

What the [functions](python.md) raise.
"""


# Of a line of code.
WIDTH = 100


class Module:
    def __init__(self, path):
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.text)

    def source(self, node):
        return " ".join(ast.get_source_segment(self.text, node).split())

    def public(self):
        """`__all__`, or what begins with a letter."""
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == "__all__" for to in node.targets):
                return [element.value for element in node.value.elts]
        kinds = (ast.FunctionDef, ast.ClassDef)
        return [node.name for node in self.tree.body if isinstance(node, kinds) and not node.name.startswith("_")]

    def defined(self, name):
        """The function or class of this name; of one with overloads the last, which has the words."""
        found = [node for node in self.tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name]
        return found[-1] if found else None

    def imported(self):
        """Where names come from that this module takes from modules beside it."""
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module:
                found.update({alias.asname or alias.name: (node.module, alias.name) for alias in node.names})
        return found


def parameters(module, function, method):
    """One text a parameter, as it is written."""
    arguments = function.args
    positional = arguments.posonlyargs + arguments.args
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults

    def one(argument, default, stars=""):
        text = stars + argument.arg
        if argument.annotation is not None:
            text += ": " + module.source(argument.annotation)
        if default is not None:
            text += (" = " if argument.annotation is not None else "=") + module.source(default)
        return text

    texts = [one(argument, default) for argument, default in zip(positional, defaults)]
    if method and not any(isinstance(mark, ast.Name) and mark.id == "staticmethod" for mark in function.decorator_list):
        texts = texts[1:]
    if arguments.vararg:
        texts.append(one(arguments.vararg, None, "*"))
    elif arguments.kwonlyargs:
        texts.append("*")
    texts += [one(argument, default) for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults)]
    if arguments.kwarg:
        texts.append(one(arguments.kwarg, None, "**"))
    return texts


def signature(module, function, name, method=False):
    texts = parameters(module, function, method)
    returns = f" -> {module.source(function.returns)}" if function.returns is not None else ""
    line = f"{name}({', '.join(texts)}){returns}"
    if len(line) > WIDTH:
        rows = [""]
        for text in texts:
            if rows[-1] and len(rows[-1]) + len(text) + 2 > WIDTH - 4:
                rows.append("")
            rows[-1] += (" " if rows[-1] else "") + text + ","
        line = f"{name}(\n" + "".join(f"    {row}\n" for row in rows) + f"){returns}"
    return f"```python\n{line}\n```\n"


def is_property(function):
    return any(isinstance(mark, ast.Name) and mark.id in ("property", "cached_property") for mark in function.decorator_list)


SECTIONS = {"Args": "Arguments", "Attributes": "Attributes", "Raises": "Raises", "Returns": "Returns", "Yields": "Yields"}


def prose(text):
    """Text with what would be markup outside of code standing as it is."""
    parts = text.replace("``", "`").split("`")
    for index in range(0, len(parts), 2):
        parts[index] = re.sub(r"([<*_\[\]])", r"\\\1", parts[index])
    return "`".join(parts)


def words(docstring):
    """A docstring as Markdown: its sections of arguments as lists, its examples as code."""
    blocks, out = re.split(r"\n\s*\n", docstring.strip()), []
    example = []

    def end_example():
        if example:
            out.append("```python\n" + "\n\n".join(example) + "\n```\n")
            example.clear()

    for block in blocks:
        lines = block.splitlines()
        head = lines[0].strip().rstrip(":")
        if lines[0].lstrip().startswith(">>>"):
            example.append("\n".join(line.strip() if line.lstrip().startswith(">>>") else line for line in lines))
            continue
        end_example()
        if lines[0].strip().endswith(":") and head in SECTIONS:
            items = []
            indent = len(lines[1]) - len(lines[1].lstrip()) if len(lines) > 1 else 0
            for line in lines[1:]:
                deeper = len(line) - len(line.lstrip()) > indent
                if deeper and items:
                    items[-1] += " " + line.strip()
                else:
                    items.append(line.strip())
            out.append(f"{SECTIONS[head]}:\n")
            for item in items:
                name, found, rest = item.partition(":")
                named = found and re.fullmatch(r"[\w*., ]+(\([^)]*\))?", name)
                out.append(f"- `{name}`: {prose(rest.strip())}" if named else f"- {prose(item)}")
            out.append("")
        else:
            out.append(prose(" ".join(line.strip() for line in lines)) + "\n")
    end_example()
    return "\n".join(out).rstrip() + "\n"


def of_function(module, function, name, level, method=False):
    head = f"{'#' * level} {name}\n"
    if is_property(function):
        returns = f": {module.source(function.returns)}" if function.returns is not None else ""
        shown = f"```python\n{name}{returns}\n```\n"
    else:
        shown = signature(module, function, name, method)
    return [head, shown, words(ast.get_docstring(function) or "")]


def of_class(module, node, level):
    bases = ", ".join(module.source(base) for base in node.bases)
    out = [f"{'#' * level} {node.name}\n", f"```python\nclass {node.name}{f'({bases})' if bases else ''}\n```\n"]
    out.append(words(ast.get_docstring(node) or ""))
    members = [member for member in node.body if isinstance(member, ast.FunctionDef) and not member.name.startswith("_")]
    # What is said in a paragraph is a line of a list.
    short = [member for member in members if is_property(member) and "\n\n" not in (ast.get_docstring(member) or "\n\n")]
    for member in short:
        returns = f": {module.source(member.returns)}" if member.returns is not None else ""
        out.append(f"- `{member.name}{returns}`: {prose(' '.join(ast.get_docstring(member).split()))}")
    if short:
        out.append("")
    for member in members:
        if member not in short:
            # Anchors are unique on the page.
            out += of_function(module, member, f"{node.name}.{member.name}", level + 1, method=True)
    return out


def rank(node):
    """Functions, then classes, then errors."""
    if isinstance(node, ast.FunctionDef):
        return 0
    return 2 if node.name.endswith("Error") else 1


def of_module(package, module, level):
    """The functions, classes and errors of a module, each as Markdown."""
    found = []
    imported = module.imported()
    for name in module.public():
        where, node = module, module.defined(name)
        if node is None and name in imported:
            file, original = imported[name]
            path = package / f"{file.replace('.', '/')}.py"
            if path.exists():
                where = Module(path)
                node = where.defined(original)
        if node is not None:
            found.append((where, node, name))
    kinds = [[], [], []]
    for where, node, name in found:
        is_class = isinstance(node, ast.ClassDef)
        kinds[rank(node)] += of_class(where, node, level) if is_class else of_function(where, node, name, level)
    return kinds


def main():
    package, to = Path(sys.argv[1]), Path(sys.argv[2])

    def write(name, blocks):
        (to / name).write_text("\n".join(blocks).rstrip() + "\n", encoding="utf-8")

    functions, classes, errors = of_module(package, Module(package / "__init__.py"), 2)
    write("python.md", [TOP, *functions])
    write("python-classes.md", [CLASSES, *classes])
    write("python-errors.md", [ERRORS, *errors])
    for path in sorted([*package.glob("[a-z]*.py"), *package.glob("[a-z]*/__init__.py")]):
        name = path.parent.name if path.name == "__init__.py" else path.stem
        below = sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]
        blocks = []
        for file in (path, *(each for each in below if each != path)):
            dotted = ".".join(file.relative_to(package).with_suffix("").parts).removesuffix(".__init__")
            if any(part.startswith("_") for part in dotted.split(".")):
                continue
            module = Module(file)
            said = ast.get_docstring(module.tree)
            listed = [block for kind in of_module(file.parent, module, 3) for block in kind]
            if said or listed:
                head = f"# Python: metapicture.{dotted}\n" if file == path else f"## metapicture.{dotted}\n"
                blocks += [head, words(said or ""), *listed]
        if blocks:
            write(f"python-{name}.md", blocks)


if __name__ == "__main__":
    main()
