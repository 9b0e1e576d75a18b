"""Reads YAML documents from standard input and writes them as JSON, with what is wrong with them.

Each argument is a version of Kubernetes against whose published schemas every document is judged, unknown fields
being an error. A key that stands twice is an error too. A kind without a schema is named in "unknown".
"""

import json
import sys

import kubernetes_validate
import yaml


class Loader(yaml.CSafeLoader):
    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.YAMLError(f"line {node.start_mark.line + 1}: twice: {', '.join(map(str, twice))}")
        return super().construct_mapping(node, deep)


# PyYAML knows "=" as a type of its own, which is a plain word to all others.
Loader.add_constructor("tag:yaml.org,2002:value", yaml.CSafeLoader.construct_yaml_str)

documents = [document for document in yaml.load_all(sys.stdin, Loader) if document is not None]
problems, unknown = [], []
for document in documents if len(sys.argv) > 1 else []:
    name = f"{document['kind']} {document['metadata']['name']}"
    for version in sys.argv[1:]:
        try:
            judged_as = kubernetes_validate.validate(document, version, strict=True)
            if judged_as != version:
                problems.append(f"{name}: no schemas of Kubernetes {version}, only of {judged_as}")
        except kubernetes_validate.ValidationError as error:
            path = ".".join(map(str, error.path))
            problems.append(f"{name}: {path}: {error.message} (Kubernetes {version})")
        except kubernetes_validate.SchemaNotFoundError:
            unknown.append(f"{document['apiVersion']} {name}")
json.dump({"documents": documents, "problems": problems, "unknown": unknown}, sys.stdout)
