"""`fovea batch --slurm` and a training of two processes under srun on a real Slurm of one node, started here in a folder
of its own as whoever runs the test.

Usage: slurm_test.py FOVEA MODEL.safetensors. Exit code 77: Debian's slurmctld, slurmd, slurm-client or munge are absent.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from csv_bags import write_csv_bags

CONFIGURATION = """ClusterName=fovea
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={slurmd_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,batch_sched_delay=0
MpiDefault=none
ReturnToService=2
KillWait=5
MailProg=/bin/true
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=short Nodes={host} Default=YES MaxTime=10 State=UP
"""


def need_programs():
    for name in ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel"):
        if not shutil.which(name):
            print(f"skipped: {name} is not installed (apt-get install slurmctld slurmd slurm-client munge)")
            sys.exit(77)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Cluster:
    """munged, slurmctld and slurmd in the foreground of ours: they end when they are told, and with the test."""

    def __init__(self, folder):
        self.folder = folder
        self.daemons = []
        for name in ("munge", "state", "spool"):
            (folder / name).mkdir(mode=0o700)
        key = folder / "munge/key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        host = socket.gethostname().split(".")[0]
        user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        configuration = folder / "slurm.conf"
        configuration.write_text(CONFIGURATION.format(host=host, user=user, folder=folder, ctld_port=free_port(),
                                                      slurmd_port=free_port()))
        os.environ["SLURM_CONF"] = str(configuration)
        munge = folder / "munge"
        self.start("munged", "--foreground", "--force", f"--socket={munge}/socket", f"--key-file={key}",
                   f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed")
        self.wait("munge's socket", (munge / "socket").exists)
        self.start("slurmctld", "-D", "-c")
        self.start("slurmd", "-D", "-c")
        self.wait("an idle node", lambda: "idle" in ask("sinfo", "--noheader", "--format=%t"))

    def start(self, *command):
        log = open(self.folder / f"{command[0]}.out", "wb")
        self.daemons.append(subprocess.Popen(command, stdout=log, stderr=log))

    def wait(self, what, condition, seconds=120):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                for log in sorted(self.folder.glob("*.log")) + sorted(self.folder.glob("*.out")):
                    print(f"--- {log.name}\n" + log.read_text(errors="replace")[-2000:])
                raise AssertionError(f"no {what} after {seconds} s")
            time.sleep(0.2)

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.send_signal(signal.SIGTERM)
        for daemon in self.daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()


def ask(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout


def main():
    need_programs()
    fovea, model = sys.argv[1], pathlib.Path(sys.argv[2])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fovea-slurm-"))
    cluster = None
    try:
        cluster = Cluster(folder)
        check(cluster, folder, fovea, model)
        check_training(folder, fovea)
        print("slurm: all checks passed")
    finally:
        if cluster:
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def check(cluster, folder, fovea, model):
    manifest, out = folder / "cases.csv", folder / "a b" / "out"

    def write(count, bad=()):
        rows = [f"c{i},{'absent' if i in bad else model},model.safetensors" for i in range(count)]
        manifest.write_text("case,input,out\n" + "\n".join(rows) + "\n")

    def batch(*more):
        return subprocess.run([fovea, "batch", manifest, "--job", "model import", "--out", out, "--quiet", *more],
                              capture_output=True, text=True)

    def submit(*more):
        return batch("--slurm", "--partition", "short", "--time", "5", "--cpus", "1", "--array-size", "2", *more)

    def idle():
        return not ask("squeue", "--noheader").strip()

    write(6, bad=[3])
    ask("scontrol", "update", "PartitionName=short", "State=DOWN")  # jobs wait, however slow we are
    first = submit()
    assert first.returncode == 0, first.stderr
    assert "6 of 6 cases are to be done; submitted job" in first.stdout and "with 2 tasks" in first.stdout, first.stdout
    again = submit()
    assert "is still at it with" in again.stdout, again.stdout + again.stderr
    ask("scontrol", "update", "PartitionName=short", "State=UP")
    cluster.wait("end of the first job", idle)
    logs = sorted((out / "slurm").glob("*_*.log"))
    assert len(logs) == 2, logs
    states = [json.loads((out / "status" / f"c{i}.json").read_text())["state"] for i in range(6)]
    assert states == ["done"] * 3 + ["failed"] + ["done"] * 2, states
    assert all((out / "cases" / f"c{i}" / "model.safetensors").exists() for i in (0, 1, 2, 4, 5))
    assert (out / "summary.csv").exists()

    # Nothing is left but the failure, which is not asked for.
    none = submit()
    assert none.returncode == 2 and "nothing is left to submit" in none.stdout, none.stdout + none.stderr

    # A job that is cancelled before it ran; what is missing is submitted again, the failure too when asked for.
    write(8)
    ask("scontrol", "update", "PartitionName=short", "State=DOWN")
    waiting = submit("--retry-failed")
    assert "3 of 8 cases are to be done; submitted job" in waiting.stdout, waiting.stdout + waiting.stderr
    ask("scancel", re.search(r"submitted job (\d+)", waiting.stdout)[1])
    cluster.wait("end of the cancelled job", idle)
    ask("scontrol", "update", "PartitionName=short", "State=UP")
    last = submit("--retry-failed")
    assert "3 of 8 cases are to be done; submitted job" in last.stdout, last.stdout + last.stderr
    cluster.wait("end of the last job", idle)
    end = batch()
    assert end.returncode == 0 and "8 cases: 8 done (0 run now)" in end.stdout, end.stdout + end.stderr

    # Slurm's own words when it refuses, and nothing of ours in a script.
    write(9)
    refused = batch("--slurm", "--partition", "long")
    assert refused.returncode == 1 and "invalid partition" in refused.stderr, refused.stderr
    injected = batch("--slurm", "--partition", "short\n#SBATCH --uid=0")
    assert injected.returncode == 1 and "'partition' must be" in injected.stderr, injected.stderr


def check_training(folder, fovea):
    """srun alone says who is who."""
    write_csv_bags(folder / "bags.csv")
    out = folder / "trained"
    training = [fovea, "mil", "train", "--recipe", "acmil", "--bags", folder / "bags.csv", "--threads", "1", "--test-share", "0",
                "--set", "epochs=2", "--quiet", "--out"]
    clean = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")}
    done = subprocess.run(["srun", "--ntasks", "2", "--partition", "short", "--kill-on-bad-exit", *training, out, "--distributed"],
                          capture_output=True, text=True, env=clean, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rank 1 of 2 is done" in done.stdout, done.stdout
    subprocess.run([*training, folder / "alone", "--set", "accumulate=2"], check=True, capture_output=True)
    history = "seed_0/fold_0/history.csv"
    ours, theirs = ([line.split(",")[:2] for line in (run / history).read_text().splitlines()] for run in (out, folder / "alone"))
    assert len(ours) == 3 and ours == theirs, (ours, theirs)


if __name__ == "__main__":
    main()
