from __future__ import annotations

import os

import pytest

from agent import secret_store
from agent.secret_store import SecretError, resolve


def test_environment_and_descriptor_give_their_secret(monkeypatch):
    monkeypatch.setenv("PLACE", "hunter2")
    assert resolve("env:PLACE", "AD", interactive=False) == "hunter2"
    read, write = os.pipe()
    os.write(write, "hunter2é\r\nrest".encode())
    os.close(write)
    assert resolve(f"fd:{read}", "AD", interactive=False) == "hunter2é"
    os.close(read)


@pytest.mark.parametrize(
    "reference", ["hunter2", "env:", "fd:x", "fd:99999", "keyring:nobody", "env:a b", "fd:999999999999"]
)
def test_a_reference_that_gives_nothing_is_an_error_that_repeats_nothing(reference):
    with pytest.raises(SecretError) as caught:
        resolve(reference, "AD", interactive=False)
    assert "hunter2" not in str(caught.value)


def test_an_empty_password_is_never_used(monkeypatch):
    """A directory takes a simple bind with an empty password for an anonymous visit, and says yes."""
    for answer in (lambda _label: "", _end_of_input):
        monkeypatch.setattr(secret_store.getpass, "getpass", answer)
        with pytest.raises(SecretError):
            resolve("prompt", "AD", interactive=True)
    read, write = os.pipe()
    os.close(write)
    with pytest.raises(SecretError):
        resolve(f"fd:{read}", "AD", interactive=False)
    os.close(read)


def _end_of_input(_label):
    raise EOFError
