"""Settings of every process: read once in `main`, then frozen and passed on.

Order of precedence: environment, then a file of the variable's name in the folder of secrets (/run/secrets, where
Docker and Kubernetes mount them), then `run.json` in the state folder (written by `allocast up`, so that a second
terminal finds the embedded services), then the defaults below.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    JsonConfigSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

from producers.errors import FixAndRestart

RUN_FILE = "run.json"
SASL_MECHANISMS = "^(PLAIN|SCRAM-SHA-256|SCRAM-SHA-512)$"
ADDRESS = r"[^\s:,/]+:[0-9]{1,5}|\[[0-9a-fA-F:]+\]:[0-9]{1,5}"
SERVERS = rf"^\s*({ADDRESS})\s*(,\s*({ADDRESS})\s*)*$"
SECRET = re.compile("PASSWORD|REDIS_URL")


class StateFolder(BaseSettings):
    """Where everything that outlives a process is kept."""

    model_config = SettingsConfigDict(frozen=True, env_prefix="ALLOCAST_")

    state_dir: Path = Path(".allocast")
    secrets_dir: Path = Path("/run/secrets")


class Settings(BaseSettings):
    """Addresses, secrets and sizes. Every field can be given as the environment variable named."""

    model_config = SettingsConfigDict(
        frozen=True, env_prefix="ALLOCAST_", extra="ignore", populate_by_name=True
    )

    kafka_bootstrap_servers: str = Field(
        "127.0.0.1:9092",
        validation_alias="KAFKA_BOOTSTRAP_SERVERS",
        pattern=SERVERS,
        examples=["broker1:9092,broker2:9092"],
    )
    kafka_security_protocol: str = Field(
        "PLAINTEXT",
        validation_alias="KAFKA_SECURITY_PROTOCOL",
        pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$",
        examples=["SASL_SSL"],
    )
    kafka_sasl_mechanism: str = Field(
        "SCRAM-SHA-256",
        validation_alias="KAFKA_SASL_MECHANISM",
        pattern=SASL_MECHANISMS,
        examples=["SCRAM-SHA-512"],
    )
    kafka_username: str | None = Field(None, validation_alias="KAFKA_USERNAME")
    kafka_password: SecretStr | None = Field(None, validation_alias="KAFKA_PASSWORD")
    kafka_ca_file: Path | None = Field(None, validation_alias="KAFKA_CA_FILE")
    kafka_cert_file: Path | None = Field(
        None,
        validation_alias="KAFKA_CERT_FILE",
        description="our own certificate, where the broker asks for one",
    )
    kafka_key_file: Path | None = Field(
        None, validation_alias="KAFKA_KEY_FILE", description="its private key"
    )
    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        validation_alias="REDIS_URL",
        examples=["rediss://host:6379/0"],
        description="of one Redis, or of any node of a cluster",
    )
    redis_username: str | None = Field(None, validation_alias="REDIS_USERNAME")
    redis_password: SecretStr | None = Field(
        None, validation_alias="REDIS_PASSWORD", description="instead of one in REDIS_URL"
    )
    redis_ca_file: Path | None = Field(None, validation_alias="REDIS_CA_FILE")
    redis_cluster: bool = Field(
        False,
        validation_alias="REDIS_CLUSTER",
        examples=["true"],
        description="REDIS_URL is part of a cluster",
    )

    state_dir: Path = Path(".allocast")
    universe_file: Path | None = None
    partitions: int = Field(
        12, ge=1, le=1000, examples=["12"], description="partitions of each topic with many symbols"
    )
    replication: int = Field(1, ge=1, le=9, examples=["3"], description="copies of each partition")
    kafka_session_s: float = Field(
        6.0,
        ge=2,
        le=300,
        examples=["6"],
        description="a stream worker silent for this long loses its partitions; Apache Kafka refuses less than 6 unless told otherwise",
    )
    stuck_after_s: float = Field(
        60.0,
        ge=5,
        examples=["60"],
        description="a stream worker that is behind and acknowledges nothing for so long ends itself",
    )
    host: str = "127.0.0.1"
    port: int = Field(8050, ge=0, le=65535, examples=["8050"], description="the page; 0 takes any free port")
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(
        0,
        ge=0,
        le=65000,
        examples=["9460"],
        description="of the producer's Prometheus metrics; worker, monitor and training take the next three; 0: none",
    )
    lstm_seeds: int = Field(
        5, ge=1, le=20, examples=["5"], description="networks averaged in the LSTM member"
    )
    lstm_epochs: int = Field(6, ge=1, le=200, examples=["6"])
    shadow_sessions: int = Field(
        10,
        ge=1,
        le=252,
        examples=["10"],
        description="sessions a challenger forecasts unseen before it is judged",
    )
    shadow_days: float = Field(
        30.0,
        gt=0,
        examples=["30"],
        description="a challenger whose sessions have not come by then is rejected",
    )
    watch_sessions: int = Field(
        63,
        ge=0,
        le=1000,
        examples=["63"],
        description="sessions a promoted model can be rolled back automatically",
    )
    drift_sessions: int = Field(
        2,
        ge=1,
        le=63,
        examples=["2"],
        description="sessions a detector stays at its threshold before a retraining is asked for",
    )
    drift_cooldown_sessions: int = Field(
        21,
        ge=0,
        le=252,
        examples=["21"],
        description="sessions without another retraining after one; a rejection doubles it",
    )
    drift_budget: int = Field(
        4,
        ge=1,
        le=63,
        examples=["4"],
        description="retrainings for drift in 126 sessions; one more is a storm, and the pool serves without LSTM",
    )
    model_age_sessions: int = Field(
        63, ge=1, le=2520, examples=["63"], description="sessions after which a model is trained again"
    )
    model_age_hours: float = Field(
        12.0,
        ge=0,
        examples=["12"],
        description="and so long by the clock: a replay passes 63 sessions in minutes",
    )
    training_timeout_s: float = Field(
        1800.0, gt=0, examples=["1800"], description="a training that takes longer is ended"
    )
    training_memory_mib: int = Field(
        0, ge=0, examples=["4096"], description="a training that needs more memory fails; 0: no limit"
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", examples=["INFO"])
    log_format: str = Field("text", pattern="^(text|json)$", examples=["json"])

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
        folders = StateFolder()
        run_file = folders.state_dir / RUN_FILE
        secrets = folders.secrets_dir if folders.secrets_dir.is_dir() else None
        return (
            init_settings,
            env_settings,
            SecretsSettingsSource(settings_cls, secrets, case_sensitive=False),
            JsonConfigSettingsSource(settings_cls, json_file=run_file),
        )


def writable(state_dir: Path) -> Path:
    """The state folder, made when it is missing. Raises FixAndRestart when nothing can be written there."""
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=state_dir, buffering=0) as probe:
            probe.write(bytes(4096))  # a full disk still takes empty files
            return state_dir
    except OSError as error:
        raise FixAndRestart(
            f"{state_dir} cannot be written ({error.strerror}): make room there, let this user write, or give another "
            "folder as ALLOCAST_STATE_DIR"
        ) from error


def variable(field: str) -> str:
    """The environment variable of a setting.

    >>> variable("redis_url"), variable("log_level")
    ('REDIS_URL', 'ALLOCAST_LOG_LEVEL')
    """
    known = Settings.model_fields.get(field)
    return str((known and known.validation_alias) or f"ALLOCAST_{field.upper()}")


def load_settings(**given: object) -> Settings:
    """Settings from the environment, the secrets and the state folder; `given` wins over all three.

    Raises FixAndRestart naming each wrong variable, the form it must have, an example and what was found.
    """
    try:
        settings = Settings(**given)  # type: ignore[arg-type]  # pydantic validates the values
    except ValidationError as error:
        raise FixAndRestart("settings: " + "; ".join(_wrong(dict(item)) for item in error.errors())) from None
    update: dict[str, object] = {"state_dir": settings.state_dir.absolute()}
    if "redis_url" in settings.model_fields_set:
        update["redis_url"] = SecretStr(_complete(settings))
    for field in ("kafka_ca_file", "kafka_cert_file", "kafka_key_file", "redis_ca_file"):
        path = getattr(settings, field)
        if path is not None and not path.is_file():
            raise FixAndRestart(
                f"settings: {variable(field)}: expected a PEM file, got {path}, which is none"
            )
    return settings.model_copy(update=update)


def _wrong(item: dict[str, object]) -> str:
    location = item["loc"]
    field = str(location[0]) if isinstance(location, tuple) and location else ""
    names = {variable(name): name for name in Settings.model_fields}
    name = field if field in names else variable(field)
    examples = Settings.model_fields[names[name]].examples if name in names else None
    shown = "a secret that is not shown" if SECRET.search(name) else repr(item["input"])
    example = f" (for example {name}={examples[0]})" if examples else ""
    return f"{name}: {item['msg']}, got {shown}{example}"


def _complete(settings: Settings) -> str:
    """REDIS_URL with the user, the password and the CA that were given apart from it.

    Raises FixAndRestart when it is no URL of a Redis. What was given is not shown: it may hold a password.
    """
    form = "REDIS_URL: expected redis://[user:password@]host:port/db or rediss:// for TLS"
    try:
        parts = urlsplit(settings.redis_url.get_secret_value())
        port = parts.port
    except ValueError:
        raise FixAndRestart(f"settings: {form}, got something else") from None
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise FixAndRestart(f"settings: {form}, got something else")
    if settings.redis_ca_file is not None and parts.scheme != "rediss":
        raise FixAndRestart("settings: REDIS_CA_FILE is for TLS: REDIS_URL must begin with rediss://")
    url = parts
    if settings.redis_password is not None and parts.password is None:
        user = quote(settings.redis_username or parts.username or "", safe="")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        password = quote(settings.redis_password.get_secret_value(), safe="")
        url = url._replace(netloc=f"{user}:{password}@{host}:{port or 6379}")
    if settings.redis_ca_file is not None and "ssl_ca_certs" not in parts.query:
        ca = urlencode({"ssl_ca_certs": str(settings.redis_ca_file.absolute())})
        url = url._replace(query="&".join(filter(None, (parts.query, ca))))
    return url.geturl()
