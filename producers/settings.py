"""Settings of every process: read once in `main`, then frozen and passed on.

Order of precedence: environment, then `run.json` in the state folder (written by `allocast up`, so
that a second terminal finds the embedded services), then the defaults below.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from producers.errors import FixAndRestart

RUN_FILE = "run.json"
SASL_MECHANISMS = "^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$"


class StateFolder(BaseSettings):
    """Where everything that outlives a process is kept."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="ALLOCAST_")

    state_dir: Path = Path(".allocast")


class Settings(BaseSettings):
    """Addresses, secrets and sizes. Every field can be given as the environment variable named."""

    model_config = SettingsConfigDict(
        frozen=True, env_prefix="ALLOCAST_", extra="ignore", populate_by_name=True
    )

    kafka_bootstrap_servers: str = Field("127.0.0.1:9092", validation_alias="KAFKA_BOOTSTRAP_SERVERS")
    kafka_security_protocol: str = Field(
        "PLAINTEXT",
        validation_alias="KAFKA_SECURITY_PROTOCOL",
        pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$",
    )
    kafka_sasl_mechanism: str = Field(
        "SCRAM-SHA-256", validation_alias="KAFKA_SASL_MECHANISM", pattern=SASL_MECHANISMS
    )
    kafka_username: str | None = Field(None, validation_alias="KAFKA_USERNAME")
    kafka_password: SecretStr | None = Field(None, validation_alias="KAFKA_PASSWORD")
    kafka_ca_file: Path | None = Field(None, validation_alias="KAFKA_CA_FILE")
    redis_url: SecretStr = Field(SecretStr("redis://127.0.0.1:6379/0"), validation_alias="REDIS_URL")

    state_dir: Path = Path(".allocast")
    universe_file: Path | None = None
    partitions: int = Field(12, ge=1, le=1000, description="partitions of each topic with many symbols")
    replication: int = Field(1, ge=1, le=9)
    kafka_session_s: float = Field(
        6.0,
        ge=2,
        le=300,
        description="a stream worker silent for this long loses its partitions; Apache Kafka refuses less than 6 unless told otherwise",
    )
    stuck_after_s: float = Field(
        60.0,
        ge=5,
        description="a stream worker that is behind and acknowledges nothing for so long ends itself",
    )
    host: str = "127.0.0.1"
    port: int = Field(8050, ge=0, le=65535, description="the page; 0 takes any free port")
    lstm_seeds: int = Field(5, ge=1, le=20, description="networks averaged in the LSTM member")
    lstm_epochs: int = Field(6, ge=1, le=200)
    shadow_sessions: int = Field(
        10, ge=1, le=252, description="sessions a challenger forecasts unseen before it is judged"
    )
    shadow_days: float = Field(
        30.0, gt=0, description="a challenger whose sessions have not come by then is rejected"
    )
    watch_sessions: int = Field(
        63, ge=0, le=1000, description="sessions a promoted model can be rolled back automatically"
    )
    training_timeout_s: float = Field(1800.0, gt=0, description="a training that takes longer is ended")
    training_memory_mib: int = Field(
        0, ge=0, description="a training that needs more memory fails; 0: no limit"
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @property
    def offline_dir(self) -> Path:
        """Parquet files of the offline store."""
        return self.state_dir / "offline" / "asset_features"

    @property
    def models_dir(self) -> Path:
        """Exported model directories and the `champion` link."""
        return self.state_dir / "models"

    @property
    def registry_file(self) -> Path:
        """The Feast registry."""
        return self.state_dir / "feast_registry.db"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # pydantic passes all five
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        run_file = StateFolder().state_dir / RUN_FILE
        return init_settings, env_settings, JsonConfigSettingsSource(settings_cls, json_file=run_file)


def load_settings(**given: object) -> Settings:
    """Settings from the environment and the state folder; `given` wins over both.

    Raises FixAndRestart naming each wrong variable, the form it must have and what was found.
    """
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # pydantic validates the values
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}, got {item['input']!r}"
            for item in error.errors()
        )
        raise FixAndRestart(f"settings: {wrong}") from error
    return settings.model_copy(update={"state_dir": settings.state_dir.absolute()})
