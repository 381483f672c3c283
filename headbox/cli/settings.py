"""The settings of a command that runs here: the environment's, overridden by options."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from headbox.cli.failures import UsageFailure
from headbox.settings import Settings


def load_settings(*, data_dir: Path | None = None, **sections: Mapping[str, Any]) -> Settings:
    """Return the settings of the environment, overridden by the options that were given.

    Args:
        data_dir: The data folder; None for that of the environment.
        sections: Values by name, by section; those that are None were not given.

    Raises:
        Failure: A setting is not valid; the message names its variable.
    """
    overrides: dict[str, Any] = {}
    for section, values in sections.items():
        if given := {name: value for name, value in values.items() if value is not None}:
            overrides[section] = given
    if data_dir is not None:
        overrides["data_dir"] = data_dir
    try:
        return Settings(**overrides)
    except ValidationError as error:
        reasons = "; ".join(map(_reason, error.errors()))
        raise UsageFailure(reasons, hint="Correct or unset the variable.") from error
    except SettingsError as error:
        example = """HEADBOX_WORKER_QUEUES='["high"]'"""
        hint = f"Variables are named HEADBOX_<SECTION>_<NAME>; lists are written as JSON: {example}."
        raise UsageFailure(_unreadable(error), hint=hint) from error


def _unreadable(error: SettingsError) -> str:
    """Say whose value is no JSON where JSON is needed; all that is known of a variable in a section is the section."""
    if (field := re.search(r'field "(\w+)"', str(error))) is None:
        return str(error)
    return f"{_variable((field[1],))}*: the value of such a variable cannot be read"


def _reason(detail: ErrorDetails) -> str:
    return f"{_variable(detail['loc'])}: {detail['msg'].removeprefix('Value error, ')}"


def _variable(location: tuple[int | str, ...]) -> str:
    return "_".join(["HEADBOX", *(str(part).upper() for part in location if isinstance(part, str))])
