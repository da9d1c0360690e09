"""A durable single-node Apache Kafka (KRaft) from its Maven jars: `allocast up --broker apache` and the tests.

Maven and not the distribution archive: every company mirror has Maven Central, few mirror Apache's archive.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from launcher.free_port import LOOPBACK, free_ports
from producers.errors import FixAndRestart, TryAgain

VERSION = "4.1.1"
SCALA = "2.13"
LOG4J_VERSION = "2.24.3"  # what this Kafka is built with
JARS_DEADLINE_S = 600

# Kafka's own dependencies hold no logging backend: without one its errors would be dropped silently.
POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>allocast</groupId>
  <artifactId>kafka-jars</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_{SCALA}</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>{LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""

# The file of Kafka's distribution writes into the distribution's folder; ours writes to standard output.
LOG4J = """status=error
rootLogger.level=warn
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %p %c: %m%n
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=info
"""


def cache_folder() -> Path:
    """Where the jars are kept between runs and projects."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base, "allocast", f"kafka-{VERSION}")


def jars(cache: Path | None = None) -> Path:
    """The folder with Kafka's jars, downloaded at the first call.

    They arrive in a temporary folder that is renamed when complete: an interrupted download is never used.
    Raises FixAndRestart when java or mvn is missing, TryAgain when the download fails.
    """
    _require("java")
    folder = cache or cache_folder()
    if folder.is_dir():
        return folder
    _require("mvn")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kafka-", dir=folder.parent) as temporary:
        Path(temporary, "pom.xml").write_text(POM, encoding="utf-8")
        arrived = Path(temporary, "jars")
        try:
            done = subprocess.run(
                ["mvn", "-q", "-B", "dependency:copy-dependencies", f"-DoutputDirectory={arrived}"],
                cwd=temporary,
                capture_output=True,
                text=True,
                timeout=JARS_DEADLINE_S,
            )
        except subprocess.TimeoutExpired as error:
            raise TryAgain(f"Apache Kafka {VERSION}: Maven took longer than {JARS_DEADLINE_S} s") from error
        if done.returncode or not arrived.is_dir():
            reason = next((line for line in done.stdout.splitlines() if "ERROR" in line), "no reason given")
            raise TryAgain(f"Apache Kafka {VERSION}: Maven could not fetch the jars: {reason}")
        try:
            arrived.rename(folder)
        except OSError:
            if not folder.is_dir():  # not merely another process that was faster
                raise
    return folder


def command(state: Path, port: int, cache: Path | None = None) -> tuple[str, ...]:
    """Write the configuration, format the data folder when it is new, and return what starts the broker.

    Loopback only. The log lives in `<state>/kafka/data`; ports may differ at every start.
    Raises FixAndRestart or TryAgain, see `jars`.
    """
    home = state / "kafka"
    return start(home, _properties(home / "data", port, free_ports(1)[0]), cache=cache)


def start(
    home: Path, properties: str, format_options: Sequence[str] = (), cache: Path | None = None
) -> tuple[str, ...]:
    """What starts a broker with these properties, whose log.dirs is `home/data`; formats it when it is new.

    Raises FixAndRestart or TryAgain, see `jars`.
    """
    folder = jars(cache)
    (home / "logs").mkdir(parents=True, exist_ok=True)
    file = home / "server.properties"
    file.write_text(properties, encoding="utf-8")
    (home / "log4j2.properties").write_text(LOG4J, encoding="utf-8")
    java = (
        "java",
        "-Xmx512m",
        f"-Dlog4j2.configurationFile={home / 'log4j2.properties'}",
        f"-Dkafka.logs.dir={home / 'logs'}",
        "-cp",
        f"{folder}/*",
    )
    if not (home / "data" / "meta.properties").is_file():
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # One argument: one identity in 64 begins with a dash, which would be taken for an option.
        identity = f"--cluster-id={cluster}"
        format_data = ("kafka.tools.StorageTool", "format", identity, "-c", str(file), *format_options)
        done = subprocess.run([*java, *format_data], capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise FixAndRestart(f"{home / 'data'}: Apache Kafka cannot use it: {done.stderr.strip()[-500:]}")
    return (*java, "kafka.Kafka", str(file))


def _properties(data: Path, port: int, controller_port: int) -> str:
    # A Java properties file takes the backslash as its escape character.
    folder = str(data).replace("\\", "\\\\")
    return f"""process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{LOOPBACK}:{controller_port}
listeners=PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}
advertised.listeners=PLAINTEXT://{LOOPBACK}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={folder}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


def _require(program: str) -> None:
    if shutil.which(program) is None:
        package = {"java": "a Java 17 runtime (Debian: default-jre-headless)", "mvn": "Maven (Debian: maven)"}
        raise FixAndRestart(
            f"--broker apache needs `{program}` on PATH, which is not there: install {package[program]}"
        )
