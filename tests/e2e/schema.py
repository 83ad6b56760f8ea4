#!/usr/bin/env python3
"""tests/e2e/schema.py SCHEMA REPORT...: each report is what the published schema says, and has no key the schema does not know."""
import json
import sys
import jsonschema


def closed(part):
    """The schema again, without room for other keys: what is written must be described."""
    if isinstance(part, list):
        return [closed(p) for p in part]
    if not isinstance(part, dict):
        return part
    out = {k: closed(v) for k, v in part.items()}
    if isinstance(part.get('properties'), dict):
        out['additionalProperties'] = False
    return out


with open(sys.argv[1]) as f:
    schema = json.load(f)
jsonschema.Draft202012Validator.check_schema(schema)
bad = 0
for path in sys.argv[2:]:
    with open(path) as f:
        document = json.load(f)
    for error in jsonschema.Draft202012Validator(closed(schema)).iter_errors(document):
        print(f'{path}: {error.json_path}: {error.message[:300]}')
        bad += 1
sys.exit(bad > 0)
