#!/usr/bin/env python3
"""Write data/schema.txt: the fields of the built-in Kubernetes types, read from the Go modules that define them.

Usage:  python3 crates/machinery/scripts/schema.py [VERSION] > crates/machinery/data/schema.txt

VERSION is the tag of the k8s.io modules (default v0.36.0, Kubernetes 1.36). `go` must be on the path: the modules are
fetched with `go mod download` into Go's own module cache. Python 3.9 or newer, standard library only.

Only facts are taken over: names, protobuf tags, types and markers. The lines of the table:

    type  NAME  [kind=GROUP/VERSION/KIND] [atomic]      a struct; `kind` when objects of it carry apiVersion and kind
    field NAME  TAG TYPE [FLAG...]                      of the struct above, in the order of the Go source

TAG is the protobuf field number, 0 for a field that protobuf does not carry. TYPE is a scalar word (string, bytes,
bool, int32, int64, double, time, microtime, quantity, intorstring, raw, fields, json, schemaorbool,
schemaorarray, schemaorstrings, strings) or the name of a struct, after `*` for a pointer, `[]` for a list or `{}` for a
map with string keys. FLAG is one of

    omitempty, omitzero    as in the JSON tag
    inline                 an embedded struct: a nested message in protobuf, part of the outer object in JSON
    required, optional     as marked
    merge, replace, retainkeys  the strategies of a strategic merge patch;  mergekey=NAME  the key of a merged list
    atomic, set, map=A,B   how server-side apply treats the list or map, with the keys of an associative list
    default=JSON           the marked default of a scalar
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

PACKAGES = [  # (module, directory, short name); the short name is the Go package's last two path elements
    ("k8s.io/apimachinery", "pkg/apis/meta/v1", "meta/v1"),
    ("k8s.io/apiextensions-apiserver", "pkg/apis/apiextensions/v1", "apiextensions/v1"),
] + [
    ("k8s.io/api", path, path)
    for path in """admission/v1 admissionregistration/v1 apps/v1 authentication/v1 authorization/v1 autoscaling/v1
    autoscaling/v2 batch/v1 certificates/v1 coordination/v1 core/v1 discovery/v1 events/v1 flowcontrol/v1
    networking/v1 node/v1 policy/v1 rbac/v1 resource/v1 scheduling/v1 storage/v1""".split()
]

SPECIAL = {  # types with an encoding of their own
    "meta/v1.Time": "time",
    "meta/v1.MicroTime": "microtime",
    "meta/v1.Duration": "duration",  # no v1 type uses it today; the reader refuses the word
    "meta/v1.FieldsV1": "fields",
    "meta/v1.Verbs": "strings",
    "authentication/v1.ExtraValue": "strings",
    "authorization/v1.ExtraValue": "strings",
    "certificates/v1.ExtraValue": "strings",
    "api/resource.Quantity": "quantity",
    "util/intstr.IntOrString": "intorstring",
    "pkg/runtime.RawExtension": "raw",
    "pkg/types.UID": "string",
    "pkg/types.NodeName": "string",
    "apiextensions/v1.JSON": "json",
    "apiextensions/v1.JSONSchemaPropsOrBool": "schemaorbool",
    "apiextensions/v1.JSONSchemaPropsOrArray": "schemaorarray",
    "apiextensions/v1.JSONSchemaPropsOrStringArray": "schemaorstrings",
}
SCALARS = {"string": "string", "bool": "bool", "int32": "int32", "int64": "int64", "int": "int32",
           "float64": "double", "interface{}": "json", "[]byte": "bytes", "byte": "int32"}
IMPORTS = re.compile(r'^\s*(\w+)?\s*"([^"]+)"\s*$')
TYPE = re.compile(r"^type (\w+) (.+)$")
FIELD = re.compile(r"^\s*(?:(\w+)\s+)?([*\[\]\w.{}]+)\s+`([^`]*)`")
TAG = re.compile(r'(\w+):"([^"]*)"')
GROUP = re.compile(r'GroupName\s*=\s*"([^"]*)"')


class Package:
    """The type declarations of one Go package."""

    def __init__(self, directory, short):
        self.short, self.aliases, self.structs = short, {}, {}
        register = (directory / "register.go").read_text()
        self.group = GROUP.search(register).group(1)
        for source in sorted(directory.glob("*.go")):
            if not source.name.endswith("_test.go") and "generated" not in source.name:
                self.read(source.read_text().splitlines())

    def read(self, lines):
        imports, comments, struct = {}, [], None
        for line in lines:
            bare = line.strip()
            if bare.startswith("//"):
                comments.append(bare.lstrip("/ "))
                continue
            if struct is not None:
                if line.startswith("}"):
                    struct, comments = None, []
                elif (found := FIELD.match(line)):
                    struct["fields"].append((found, comments, imports))
                    comments = []
                elif bare and "`" in bare:
                    raise SystemExit(f"{self.short}: cannot read {line!r}")
                elif bare:
                    comments = []
                continue
            if (found := IMPORTS.match(line)):
                name = found.group(1) or found.group(2).rsplit("/", 1)[-1]
                imports[name] = "/".join(found.group(2).split("/")[-2:])
            elif (found := TYPE.match(line)):
                name, what = found.groups()
                if what == "struct {":
                    struct = {"fields": [], "comments": comments}
                    self.structs[name] = struct
                elif what.replace(" ", "") == "struct{}":
                    self.structs[name] = {"fields": [], "comments": comments}
                elif "struct" not in what and "interface" not in what and "func" not in what:
                    self.aliases[name] = (what.split("//")[0].strip().lstrip("= "), imports)
                comments = []
            elif bare:
                comments = []


def markers(comments):
    """The `+name=value` lines of a comment."""
    found = {}
    for comment in comments:
        if comment.startswith("+"):
            name, _, value = comment[1:].partition("=")
            found.setdefault(name.strip(), []).append(value.strip())
    return found


class Table:
    def __init__(self, packages):
        self.packages = packages

    def resolve(self, text, package, imports):
        """The table's word for a Go type."""
        if text in SCALARS:
            return SCALARS[text]
        if text.startswith("*"):
            inner = self.resolve(text[1:], package, imports)
            return inner if inner.startswith(("[]", "{}")) else "*" + inner
        if text.startswith("[]"):
            return "[]" + self.resolve(text[2:].lstrip("*"), package, imports)
        if text.startswith("map["):
            key, value = text[4:].split("]", 1)
            if self.resolve(key, package, imports) != "string":
                raise SystemExit(f"{package.short}: map with key {key}")
            return "{}" + self.resolve(value, package, imports)
        qualifier, _, name = text.rpartition(".")
        short = imports[qualifier] if qualifier else package.short
        full = f"{short}.{name}"
        if full in SPECIAL:
            return SPECIAL[full]
        home = self.packages.get(short)
        if home is None:
            raise SystemExit(f"{package.short}: unknown package of {text}")
        if name in home.structs:
            return full
        target, scope = home.aliases[name]
        return self.resolve(target, home, scope)

    def field(self, package, found, comments, imports):
        name, text, tag = found.groups()
        tags = dict(TAG.findall(tag))
        json_name, *options = tags.get("json", "-").split(",")
        if json_name == "-":
            return None
        flags = [option for option in options if option in ("omitempty", "omitzero", "inline")]
        if name is None and json_name == "":
            flags = ["inline"]
            json_name = text.rpartition(".")[2]
        number = tags["protobuf"].split(",")[1] if "protobuf" in tags else "0"
        marked = markers(comments)
        flags += [word for word in ("required", "optional") if word in marked or f"k8s:{word}" in marked]
        strategies = tags.get("patchStrategy", "").split(",")
        flags += [word.lower() for word in ("merge", "replace", "retainKeys") if word in strategies]
        if "patchMergeKey" in tags:
            flags.append("mergekey=" + tags["patchMergeKey"])
        kind = marked.get("listType", marked.get("mapType", marked.get("structType", [""])))[0]
        if kind == "map":
            flags.append("map=" + ",".join(marked["listMapKey"]))
        elif kind in ("set", "atomic"):
            flags.append(kind)
        for default in marked.get("default", []):
            if not default.startswith("ref("):
                flags.append("default=" + json.dumps(json.loads(default)))
        return " ".join(["field", json_name, number, self.resolve(text, package, imports)] + flags)

    def rows(self):
        for package in self.packages.values():
            for name, struct in sorted(package.structs.items()):
                full = f"{package.short}.{name}"
                if full in SPECIAL or not name[0].isupper():
                    continue
                fields = [self.field(package, *each) for each in struct["fields"]]
                fields = [field for field in fields if field]
                head = ["type", full]
                if any(field.startswith("field TypeMeta ") for field in fields):
                    version = package.short.rsplit("/", 1)[-1]
                    group = "" if package.short == "meta/v1" and name not in META_GROUP else package.group
                    head.append(f"kind={group}/{version}/{name}")
                if "atomic" in markers(struct["comments"]).get("structType", []):
                    head.append("atomic")
                yield " ".join(head)
                yield from fields


META_GROUP = {"PartialObjectMetadata", "PartialObjectMetadataList", "Table", "TableOptions"}


def main():
    version = sys.argv[1] if len(sys.argv) > 1 else "v0.36.0"
    directories = {}
    with tempfile.TemporaryDirectory() as scratch:
        for module in sorted({module for module, _, _ in PACKAGES}):
            command = ["go", "mod", "download", "-json", f"{module}@{version}"]
            answer = subprocess.run(command, cwd=scratch, check=True, capture_output=True).stdout
            directories[module] = pathlib.Path(json.loads(answer)["Dir"])
    packages = {short: Package(directories[module] / path, short) for module, path, short in PACKAGES}
    print(f"# Written by scripts/schema.py from the k8s.io Go modules {version}. Do not edit.")
    for row in Table(packages).rows():
        print(row)


if __name__ == "__main__":
    main()
