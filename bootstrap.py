#!/usr/bin/env python3
"""From a bare machine to a running Etymon: `python3 bootstrap.py demo` or `python3 bootstrap.py test`.

Standard library only, and written so that an old Python can still read it far enough to say that it is too old.
It makes `.venv`, installs into it with `constraints.txt`, remembers a hash of what it installed, and does the job;
words after the verb go to the job (`bootstrap.py test -k storage`, `bootstrap.py run my-texts --budget 10m`).
"""

import os
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "etymon-installed")
TORCH_LOG = os.path.join(VENV, "torch-install.log")
TORCH_STATUS = os.path.join(VENV, "torch-status")
OLDEST = (3, 11)
DISK_NEEDED_GB = 2.5

USAGE = """usage: python3 bootstrap.py VERB [words for it]

  demo       train an n-gram, an LSTM and a GPT on text that this computer already has, and report on them
  test       run the tests (more words go to pytest: test -k storage)
  install    only make .venv and install into it
  run ...    any other word is an etymon command: run my-texts --budget 10m"""


def fail(sentence):
    """End with one sentence that says what to do."""
    sys.stderr.write("bootstrap: %s\n" % sentence)
    sys.exit(1)


def say(sentence):
    sys.stdout.write("bootstrap: %s\n" % sentence)
    sys.stdout.flush()


def check_python():
    if sys.version_info < OLDEST:
        fail(
            "this is Python %d.%d and Etymon needs %d.%d or newer: install one (Debian: apt install python3.11; macOS: "
            "brew install python@3.11) and run `python3.11 bootstrap.py demo`." % (sys.version_info[:2] + OLDEST)
        )


def check_disk():
    import shutil

    free = shutil.disk_usage(ROOT).free / 1e9
    if free < DISK_NEEDED_GB:
        fail(
            "%.1f GB are free in %s and the installation needs %.1f GB: free some space (`du -sh * | sort -h` shows "
            "what is large) and run this again." % (free, ROOT, DISK_NEEDED_GB)
        )


def python_in_venv():
    return os.path.join(VENV, "bin", "python")


def make_venv():
    import subprocess

    # A venv that was stopped half-way has a Python but no pip; making it again puts that right.
    if os.path.exists(python_in_venv()):
        works = subprocess.run([python_in_venv(), "-m", "pip", "--version"], capture_output=True, check=False)
        if works.returncode == 0:
            return
    say("making a virtual environment in .venv")
    try:
        import ensurepip  # noqa: F401  (Debian ships Python without it until python3-venv is installed)
        import venv  # noqa: F401
    except ImportError:
        version = "%d.%d" % sys.version_info[:2]
        fail(
            "this Python has no venv module: install it (Debian and Ubuntu: `apt install python%s-venv`) and run this "
            "again." % version
        )
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True)
    if made.returncode != 0:
        fail(
            "a virtual environment could not be made in %s (%s): see that the folder can be written to (`ls -ld %s`) "
            "and run this again." % (VENV, (made.stderr or made.stdout).strip().splitlines()[-1], ROOT)
        )


def read_project():
    import tomllib

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        return tomllib.load(file)["project"]


def wanted_hash(extras):
    """A hash of all that decides what is installed: pyproject, constraints, this Python, the extras asked for."""
    import hashlib

    digest = hashlib.sha256(repr((sys.version_info[:2], ROOT)).encode())
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(ROOT, name), "rb") as file:
            digest.update(file.read())
    return digest.hexdigest() + " " + ",".join(extras)


def is_installed(extras):
    if not (os.path.exists(STAMP) and os.path.exists(python_in_venv())):
        return False
    with open(STAMP) as file:
        digest, _, had = file.read().partition(" ")
    return digest == wanted_hash(extras).split()[0] and set(extras) <= set(had.split(","))


def remember(extras):
    with open(STAMP, "w") as file:
        file.write(wanted_hash(extras))


def pip_command(*words):
    constraints = os.path.join(ROOT, "constraints.txt")
    base = [python_in_venv(), "-m", "pip", "install", "--disable-pip-version-check", "-c", constraints]
    return base + list(words)


def why_pip_failed(output):
    """One sentence for the failures that people meet, else pip's own last line."""
    text = output.lower()
    if "no space left" in text:
        return "the disk is full: free %.1f GB and run this again." % DISK_NEEDED_GB
    network_signs = (
        "connection",
        "temporary failure in name resolution",
        "network is unreachable",
        "timed out",
        "proxy",
    )
    if any(sign in text for sign in network_signs):
        return (
            "the package index cannot be reached: check the network (`%s -m pip download six` must work), or set "
            "PIP_INDEX_URL to a mirror that you can reach, and run this again." % python_in_venv()
        )
    lines = [line for line in output.strip().splitlines() if line.strip()]
    return "pip said: %s" % (lines[-1] if lines else "nothing")


def pip_install(what, *words):
    import subprocess

    say("installing %s" % what)
    done = subprocess.run(pip_command("--quiet", *words), capture_output=True, text=True)
    if done.returncode != 0:
        fail("%s could not be installed: %s" % (what, why_pip_failed(done.stdout + done.stderr)))


def small_packages(project, extras):
    """Everything but torch: small, and enough for the n-gram."""
    small = [need for need in project["dependencies"] if not need.startswith("torch")]
    for extra in extras:
        small += project["optional-dependencies"][extra]
    return small


def install_small(project, extras):
    # hatchling and editables in the same call: the package itself then builds at once, without a second download.
    pip_install("the small packages", "hatchling", "editables", *small_packages(project, extras))
    pip_install("etymon itself", "--no-build-isolation", "--no-deps", "-e", ROOT)


def pinned_torch():
    with open(os.path.join(ROOT, "constraints.txt")) as file:
        for line in file:
            if line.startswith("torch=="):
                return line.strip()
    return "torch"


def wants_cpu_torch():
    import shutil

    return sys.platform.startswith("linux") and shutil.which("nvidia-smi") is None


def torch_attempts():
    """What to ask pip for, best first. A `+cpu` version that is not to be had fails within seconds."""
    pinned = pinned_torch()
    return [pinned + "+cpu", pinned] if wants_cpu_torch() else [pinned]


class TorchInstall:
    """pip installing torch as a child of its own, so that other work goes on meanwhile."""

    def __init__(self):
        import threading

        self.child = None
        self.ended = False
        self.thread = threading.Thread(target=self._run)
        self.thread.daemon = True
        _write(TORCH_STATUS, "installing")
        self.thread.start()

    def _run(self):
        try:
            output, code = self._install()
            _write(TORCH_LOG, output)
            _write(TORCH_STATUS, "ready" if code == 0 else "failed: " + why_pip_failed(output))
        except OSError as error:  # a full disk, say: whoever waits must hear of it
            _write(TORCH_STATUS, "failed: %s" % error)

    def _install(self):
        """What pip said, and its exit code."""
        import subprocess

        output, code = "", 1
        for attempt in torch_attempts():
            # A session of its own: Ctrl-C is for the run in the foreground, which saves its state first.
            self.child = subprocess.Popen(
                pip_command("--quiet", attempt),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            said = self.child.communicate()[0]
            output, code = output + said, self.child.returncode
            if (
                code == 0
                or self.ended
                or not ("No matching distribution" in said or "Could not find a version" in said)
            ):
                break
            if attempt.endswith("+cpu"):
                say("no CPU build of torch is offered here, so the default build is taken: it may be several GB.")
        return output, code

    def status(self):
        with open(TORCH_STATUS) as file:
            return file.read()

    def wait(self):
        """Stay until it is done; Ctrl-C ends pip too."""
        try:
            self.thread.join()
        except KeyboardInterrupt:
            self.end()
            fail("stopped while torch was being installed; the same command goes on.")
        if self.status() != "ready":
            fail("torch could not be installed: %s" % self.status().partition(": ")[2])

    def end(self):
        """Leave no pip behind when the run in the foreground has ended first."""
        self.ended = True
        if self.thread.is_alive() and self.child is not None:
            self.child.terminate()
            self.thread.join()


def _write(path, text):
    """Replace a small file in one step, so that a reader never sees half of it."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.replace(path + ".new", path)


def install(extras):
    if is_installed(extras):
        return
    check_disk()
    make_venv()
    install_small(read_project(), extras)
    say("installing torch")
    TorchInstall().wait()
    remember(extras)


def in_foreground(command, environment=None):
    """Run a command to its end. Ctrl-C and a request to stop are its own to answer: it saves its state first."""
    import signal
    import subprocess

    child = subprocess.Popen(command, env=environment)
    signal.signal(signal.SIGTERM, lambda number, frame: child.send_signal(number))
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


def etymon(words):
    """Run an etymon command; when torch is not there yet, it installs meanwhile and the n-gram goes first."""
    command = [python_in_venv(), "-m", "etymon"] + words
    # So that the commands which a run prints can be typed as they stand, where nothing has put `etymon` on the PATH.
    environment = dict(os.environ, ETYMON_COMMAND="python3 bootstrap.py")
    if is_installed([]):
        return in_foreground(command, environment)
    check_disk()
    make_venv()
    install_small(read_project(), [])
    say("torch installs in the background; the n-gram does not need it and starts now")
    torch = TorchInstall()
    code = in_foreground(command, dict(environment, ETYMON_TORCH_STATUS=TORCH_STATUS))
    torch.end()
    if torch.status() == "ready":
        remember([])
    return code


def test(words):
    install(["dev"])
    parallel = [] if any(word.startswith("-n") for word in words) else ["-n", "auto"]
    os.chdir(ROOT)
    return in_foreground([python_in_venv(), "-m", "pytest"] + parallel + words)


def main(words):
    check_python()
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(USAGE + "\n")
        return 0
    verb, rest = words[0], words[1:]
    if verb == "install":
        known = sorted(read_project()["optional-dependencies"])
        unknown = [word for word in rest if word not in known]
        if unknown:
            fail("there is no extra %s: the extras are %s." % (unknown[0], ", ".join(known)))
        install(rest)
        return 0
    if verb == "test":
        return test(rest)
    return etymon(words)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        fail("stopped; the same command goes on.")
