#!/usr/bin/env bash
# The wheel as a user gets it: built, installed into a clean environment, and used outside the checkout.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$here/.venv/bin/python" -m build --wheel --no-isolation --outdir "$work/dist" "$here" >"$work/build.log" 2>&1 \
  || { cat "$work/build.log"; exit 1; }

# what it depends on is the lock's, which is installed already: a folder on the path brings packages, and not the
# checkout, since the link of an editable install is followed in a site folder alone
python3 -m venv "$work/venv"
site() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }
site "$here/.venv" >"$(site "$work/venv")/lock.pth"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps "$work"/dist/*.whl
export PYTHONPATH=
case $("$work/venv/bin/python" -c 'import nbpromote; print(nbpromote.__file__)') in
  "$work"/*) ;;
  *) echo "that is not the wheel" >&2; exit 1 ;;
esac

export PATH="$work/venv/bin:$PATH" GIT_AUTHOR_NAME=CI GIT_AUTHOR_EMAIL=ci@example.org \
  GIT_COMMITTER_NAME=CI GIT_COMMITTER_EMAIL=ci@example.org
cd "$work"
nbpromote init first
nbpromote -C first check
nbpromote -C first run starter
nbpromote init flights --example flights
nbpromote -C flights check
nbpromote -C flights run prepare_flights
test -f "$work/venv/etc/jupyter/jupyter_server_config.d/nbpromote.json"
echo "the wheel works outside the checkout"
