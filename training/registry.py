"""The model registry: every trained model as an MLflow version, the serving one under alias `champion`.

sqlite, because MLflow's file store is deprecated. Serving does not read it: the exported directory does
that job without MLflow's four seconds of imports.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from producers.errors import FixAndRestart
from training.artefact import Manifest

NAME = "allocast"


def tracking_uri(state_dir: Path) -> str:
    """The registry of a state folder."""
    return f"sqlite:///{state_dir / 'mlflow.db'}"


class Registry:
    """MLflow, imported on first use."""

    def __init__(self, state_dir: Path) -> None:
        """Raises FixAndRestart when another version of MLflow laid out its tables."""
        state_dir.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("MLFLOW_CONFIGURE_LOGGING", "false")  # its lines take the form of ours
        os.environ.setdefault(
            "MLFLOW_DISABLE_TELEMETRY", "true"
        )  # its makers are told how it is used otherwise
        import mlflow

        uri = tracking_uri(state_dir)
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        try:
            self._client: Any = mlflow.MlflowClient(uri, uri)
        except mlflow.MlflowException as error:
            if "out-of-date database schema" not in str(error):
                raise
            raise FixAndRestart(
                f"{state_dir / 'mlflow.db'}: written by another version of MLflow; copy it, then run "
                f"`{Path(sys.executable).with_name('mlflow')} db upgrade {uri}`"
            ) from error
        if self._client.get_experiment_by_name(NAME) is None:
            self._client.create_experiment(NAME, artifact_location=(state_dir / "mlruns").as_uri())

    def record(self, manifest: Manifest, folder: Path, alias: str | None) -> str:
        """Register a model directory. Recording the same version again only moves the alias.

        Returns MLflow's version number.
        """
        number = self._number(manifest.version)
        if number is None:
            number = self._create(manifest, folder)
        if alias:
            self._client.set_registered_model_alias(NAME, alias, number)
        return number

    def outcome(self, version: str, aliases: Mapping[str, str | None], tags: Mapping[str, str]) -> None:
        """Tag a version with what became of it and move aliases. Unknown versions are an error."""
        for alias, target in aliases.items():
            if target is None:
                if alias in self._client.get_registered_model(NAME).aliases:
                    self._client.delete_registered_model_alias(NAME, alias)
            else:
                self._client.set_registered_model_alias(NAME, alias, self._known(target))
        for name, value in tags.items():
            self._client.set_model_version_tag(NAME, self._known(version), name, value)

    def _known(self, version: str) -> str:
        number = self._number(version)
        if number is None:
            raise FixAndRestart(f"the registry does not know model {version}; see `allocast models list`")
        return number

    def _number(self, version: str) -> str | None:
        """MLflow's number of a version of ours."""
        if not self._exists():
            return None
        found = self._client.search_model_versions(f"name='{NAME}'")
        return next((str(one.version) for one in found if one.tags.get("version") == version), None)

    def versions(self) -> list[dict[str, Any]]:
        """All recorded versions, newest first."""
        if not self._exists():
            return []
        aliases = self._client.get_registered_model(NAME).aliases
        found = sorted(
            self._client.search_model_versions(f"name='{NAME}'"), key=lambda one: -int(one.version)
        )
        return [
            {
                "number": int(one.version),
                "aliases": sorted(
                    alias for alias, number in aliases.items() if int(number) == int(one.version)
                ),
                **one.tags,
            }
            for one in found
        ]

    def _exists(self) -> bool:
        return any(model.name == NAME for model in self._client.search_registered_models())

    def _create(self, manifest: Manifest, folder: Path) -> str:
        if not self._exists():
            self._client.create_registered_model(NAME, description="Allocast's pool of forecasters")
        experiment = self._client.get_experiment_by_name(NAME)
        run = self._client.create_run(experiment.experiment_id, run_name=manifest.version)
        run_id = run.info.run_id
        report = manifest.report
        if "ratio" in report:
            self._client.log_metric(run_id, "gate_ratio", report["ratio"])
            self._client.log_metric(run_id, "train_s", report["train_s"])
        for name, value in manifest.parameters.items():
            self._client.log_param(run_id, name, value)
        self._client.log_dict(run_id, report, "report.json")
        self._client.set_terminated(run_id)
        tags = {
            "version": manifest.version,
            "reason": manifest.reason,
            "detail": manifest.detail,
            "feed": manifest.feed,
            "as_of_session": manifest.as_of_session,
            "data_hash": manifest.data_hash,
            "spec_hash": manifest.spec_hash,
            "members": ",".join(manifest.members),
            "gate": str(report.get("gate", "")),
            "request": manifest.request,
            "replaces": manifest.replaces,
            "git_revision": manifest.git_revision,
        }
        created = self._client.create_model_version(NAME, folder.as_uri(), run_id=run_id, tags=tags)
        return str(created.version)
