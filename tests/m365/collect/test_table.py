"""The table of readings against an independent witness: the code that Microsoft generates from Graph's own description."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from checks.m365.resources import RESOURCES, Resource

MODELS = {
    "skus": "subscribed_sku", "domains": "domain", "users": "user", "user_activity": "user", "groups": "group",
    "registration": "user_registration_details", "role_groups": "group", "group_owners": "group",
    "security_defaults": "identity_security_defaults_enforcement_policy", "applications": "application",
    "named_locations": "named_location ip_named_location country_named_location",
    "authentication_strengths": "authentication_strength_policy", "service_principals": "service_principal",
    "admin_consent": "admin_consent_request_policy", "app_management": "tenant_app_management_policy",
    "timeout_policies": "activity_based_timeout_policy", "delegated_grants": "o_auth2_permission_grant",
    "on_premises_sync": "on_premises_directory_synchronization", "role_definitions": "unified_role_definition",
    "role_assignments": "unified_role_assignment", "role_active": "unified_role_assignment_schedule_instance",
    "role_eligible": "unified_role_eligibility_schedule_instance", "directory_audits": "directory_audit",
    "role_policies": "unified_role_management_policy_assignment", "risky_users": "risky_user",
    "access_reviews": "access_review_schedule_definition", "secure_scores": "secure_score", "alerts": "security/alert",
    "managed_devices": "managed_device", "device_settings": "device_management", "backup": "backup_restore_root",
    "service_health": "service_health_issue", "inbox_rules": "message_rule", "deleted_items": "user",
}  # fmt: skip
"""Reading of v1.0 to the model of its objects."""
OURS = {"inbox_rules": {"userId"}}
"""Properties that we add."""
V1 = [resource for resource in RESOURCES if resource.api == "graph" and resource.path.startswith("/v1.0/")]


@pytest.fixture(scope="module")
def generated() -> Path:
    """Folder of the generated code; never imported: it is 390 MB."""
    found = importlib.util.find_spec("msgraph")
    if found is None or not found.submodule_search_locations:
        pytest.skip("msgraph-sdk is not installed: only msgraph-core is needed otherwise")
    return Path(found.submodule_search_locations[0]) / "generated"


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def properties(models: Path, name: str) -> set[str]:
    """Properties of a model and of those it extends."""
    text = (models / f"{name}.py").read_text("utf-8")
    found = set(re.findall(r'^\s+"([A-Za-z_@.0-9]+)": lambda', text, re.MULTILINE))
    base = re.search(r"^class \w+\((\w+)", text, re.MULTILINE)
    parent = snake(base[1]) if base else ""
    return found | properties(models, parent) if parent != name and (models / f"{parent}.py").exists() else found


@pytest.mark.parametrize("resource", [r for r in V1 if r.name in MODELS and r.properties], ids=lambda r: r.name)
def test_every_property_exists_in_the_version_that_is_asked(generated, resource: Resource):
    known = set().union(*(properties(generated / "models", name) for name in MODELS[resource.name].split()))
    assert len(known) > 1
    assert set(resource.properties) - known - OURS.get(resource.name, set()) <= {"id", "@odata.type"}


@pytest.mark.parametrize("resource", V1, ids=lambda r: r.name)
def test_every_address_exists(generated, resource: Resource):
    folder = generated
    for part in resource.path.partition("?")[0].split("/")[2:]:
        name = f"graph_{part.rpartition('.')[2]}" if part.startswith("microsoft.graph.") else snake(part)
        folder /= "item" if part == "{id}" else name
        if part in ("mailFolders", "users"):  # the generated code names the item of a list after the parameter
            folder = folder if folder.exists() else folder.parent / snake(part)
        if part == "inbox":
            folder = folder.parent / "item"
        assert folder.exists(), folder
