"""The project that faults are injected into: two notebooks, one with a small model; kept, and laid anew."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ground import COUNT, HEADER, Ground, begun, git
from nbpromote import execute, track
from nbpromote.execute import Kept, Warmth

# the least that MLflow keeps as a model: what loading and checking it costs is paid once a promotion
MODEL = """
# %% tags=["parameters"]
alpha: float = 1.0  # of the ridge

# %%
import mlflow
import pandas as pd
from sklearn.linear_model import Ridge

X = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
model = Ridge(alpha=alpha).fit(X, [1.0, 2.0, 4.0])

# %%
with mlflow.start_run():
    mlflow.log_metric("mae", 1.0)
    mlflow.sklearn.log_model(model, name="model", input_example=X, pip_requirements=[])
"""

POLICY = """\
promotes_from: [{below}]
notebooks:
  count: {{gates: [{{metric: rows, min: 2}}]}}
  model: {{strategy: copy, gates: [{{metric: mae, max: 60}}]}}
"""

# what the two notebooks import, and what asks a model afterwards
PRELOAD = (
    *track.WARMING,
    "IPython.display",
    "pandas",
    "sklearn.linear_model",
    "mlflow.sklearn",
    "mlflow.pyfunc.scoring_server",
    "skops.io",
)


_NAMES = 'model_name = "{project}.{environment}.{notebook}"\n'
_OWN: Mapping[str, str] = MappingProxyType({})  # a store of its own for each environment
_KERNEL = f"[tool.nbpromote.kernel]\npreload = {list(PRELOAD)}\n"


@dataclass(frozen=True)
class Plot:
    """A folder where a project stands, and can be laid anew as it was kept: MLflow's stores name it by its path."""

    folder: Path

    @property
    def ground(self) -> Ground:
        return Ground(self._world / "small", self.folder / "unused.db")

    @property
    def _world(self) -> Path:
        """The project, and beside it what it shares with others."""
        return self.folder / "world"

    @property
    def temporary(self) -> Path:
        """Where commands put what they need for a while."""
        return self.folder / "tmp"

    def keep(self, name: str) -> None:
        self._copy(self._world, self.folder / f"kept-{name}")

    def lay(self, name: str) -> Ground:
        self._copy(self.folder / f"kept-{name}", self._world)
        self._empty(self.temporary)
        return self.ground

    def _copy(self, source: Path, destination: Path) -> None:
        shutil.rmtree(destination, ignore_errors=True)
        subprocess.run(["cp", "-a", source, destination], check=True)

    def _empty(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()


@contextmanager
def plot() -> Iterator[Plot]:
    """In memory where there is room: what a process wrote before it was killed is as safe there as on a disk."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="faults-", dir=memory, ignore_cleanup_errors=True) as folder:
        found = Plot(Path(folder))
        found.temporary.mkdir()
        yield found


def build(
    root: Path, empty_store: Path, *, tracking: Mapping[str, str] = MappingProxyType({}), shared: bool = False
) -> Ground:
    """`count` and `model` in dev, staging and prod; `tracking` is where, and others may use it as well.

    `shared` has a git remote and a store beside the project; every commit is merged at once.
    """
    name = f"small-{secrets.token_hex(4)}" if tracking else "small"
    settings = f'remote = "origin"\nstore = "{root.parent}/store"\n' if shared else ""
    ground = begun(root, empty_store)
    if shared:
        _share(ground)
    ground.write("pyproject.toml", f'[tool.nbpromote]\nproject = "{name}"\n{_NAMES}{settings}{_KERNEL}')
    ground.write(".gitignore", ".nbpromote/\ndata/\n")
    ground.write("notebooks/count.py", HEADER + COUNT)
    ground.write("notebooks/model.py", HEADER + MODEL)
    ground.write("params/base.yaml", "limits: {cell: 60s, notebook: 2m}\n")
    for below, environment, top in ((None, "dev", 3), ("dev", "staging", 4), ("staging", "prod", 5)):
        served = f"tracking_uri: {tracking[environment]}\n" if environment in tracking else ""
        values = f"parameters: {{top: {top}}}\n    outputs: {{result: data/{environment}/result.csv}}"
        ground.write(f"params/{environment}.yaml", f"{served}notebooks:\n  count:\n    {values}\n")
        if below:
            ground.write(f"params/{environment}.policy.yaml", POLICY.format(below=below))
    ground.nbpromote("sync")
    ground.commit("start")
    if shared:
        ground.git("remote", "set-head", "origin", "main")
    return ground


def _share(ground: Ground) -> None:
    remote = remote_of(ground)
    git(remote.parent, "init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    ground.git("remote", "add", "origin", str(remote))
    merged = ground.write(".git/hooks/post-commit", "#!/bin/sh\nexec git push --quiet origin HEAD:main\n")
    merged.chmod(0o755)


def remote_of(ground: Ground) -> Path:
    return ground.root.parent / "remote.git"


@contextmanager
def warm() -> Iterator[Kept]:
    """One process that has imported what kernels import, for as long as the block lasts, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="warm-", dir="/tmp") as folder:
        before = os.environ.get("XDG_RUNTIME_DIR")
        os.environ["XDG_RUNTIME_DIR"] = folder
        warmth = Warmth(preload=PRELOAD, env={**execute.shared(()), **track.QUIET}, idle=3600, patience=120)
        kept = execute.keep(execute.command("python3"), warmth)
        try:
            yield kept
        finally:
            execute.stop(kept)
            os.environ.pop("XDG_RUNTIME_DIR")
            if before is not None:
                os.environ["XDG_RUNTIME_DIR"] = before
