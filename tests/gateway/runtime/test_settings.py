"""What a gateway can be told when it starts."""

from __future__ import annotations

import dataclasses

from lamplighter.gateway.commands.cli import main
from lamplighter.gateway.runtime.settings import Settings


def test_nothing_is_open_to_the_network_unless_asked():
    """By default the status page is on loopback and the broker is the gateway's own."""
    settings = Settings()
    assert settings.http_host == "127.0.0.1" and settings.broker == ""


def test_the_flags_of_up_have_the_same_names_and_defaults():
    """What is not given on the command line is what the settings say."""
    options = {option.name: option for option in main.commands["up"].params}
    for field in dataclasses.fields(Settings):
        if field.name != "policy":
            assert options[field.name].default == field.default, field.name


def test_settings_cannot_change_while_a_gateway_runs():
    """They are frozen."""
    assert Settings.__dataclass_params__.frozen
