from __future__ import annotations

import json

import jsonschema
import pytest

from checks import schema


@pytest.mark.parametrize("name", schema.schemas())
def test_committed_schema_is_what_the_model_says(name):
    committed = (schema.FOLDER / name).read_text("utf-8")
    assert committed == schema.render(schema.schemas()[name]), "run: python -m checks.schema"
    jsonschema.Draft202012Validator.check_schema(json.loads(committed))
