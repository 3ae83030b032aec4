"""`--distributed`: processes that train together are one that accumulates more, and a lost one loses nothing.

Usage: distributed_test.py FOVEA. Volumes need numpy and torchrun needs torch: without them these parts are skipped, and
it is said.
"""
import csv
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

from csv_bags import write_csv_bags

FOVEA = sys.argv[1]
MIL = ["mil", "train", "--recipe", "acmil", "--threads", "1", "--val-share", "0.34", "--test-share", "0", "--quiet"]
OURS = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "SLURM_STEP_ID", "TORCHELASTIC_USE_AGENT_STORE")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(**more):
    clean = {name: value for name, value in os.environ.items() if name not in OURS}
    return {**clean, "OMP_WAIT_POLICY": "passive", **{name: str(value) for name, value in more.items()}}


def start(command, rank, port, world=2):
    return subprocess.Popen([FOVEA, *map(str, command), "--distributed"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=environment(RANK=rank, WORLD_SIZE=world, MASTER_ADDR="127.0.0.1", MASTER_PORT=port))


def end(process, seconds=600):
    out, error = process.communicate(timeout=seconds)
    return process.returncode, error


def alone(command):
    done = subprocess.run([FOVEA, *map(str, command)], capture_output=True, text=True, env=environment())
    assert done.returncode in (0, 2), done.stderr
    return done


def together(command):
    port = free_port()
    both = [start(command, rank, port) for rank in (0, 1)]
    for process in both:
        code, error = end(process)
        assert code in (0, 2), error
        # Only what fovea says: neither c10d nor Gloo writes to the terminal.
        assert "[W" not in error and "Gloo" not in error, error


def refused(*processes, contains):
    for process in processes:
        code, error = end(process)
        assert code == 1, (code, error)
        assert contains in error and error.strip().count("\n") == 0, error


def history(run):
    with open(run / "seed_0/fold_0/history.csv") as file:
        return [{name: float(value) for name, value in row.items() if name != "seconds" and value} for row in csv.DictReader(file)]


def expect_same(ours, theirs, tolerance=0.0, only=None):
    """Columns of two histories. Tolerance is relative."""
    assert len(ours) == len(theirs) > 0, (len(ours), len(theirs))
    for a, b in zip(ours, theirs):
        for name in only or a:
            assert abs(a[name] - b[name]) <= tolerance * abs(b[name]), (name, a, b)


def checkpoint(run):
    data = (run / "seed_0/fold_0/checkpoint").read_bytes()
    header = json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])
    return json.loads(header["__metadata__"]["fovea.checkpoint"])


def wait_for(path, processes):
    while not path.exists():
        assert all(process.poll() is None for process in processes), [end(process) for process in processes]
        time.sleep(0.005)


def wait_for_port(port, process):
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(end(process))


def slides(folder):
    write_csv_bags(folder / "bags.csv")

    def command(out, epochs, *more):
        return [*MIL, "--bags", folder / "bags.csv", "--out", folder / out, "--set", f"epochs={epochs},optimiser.learning_rate=1e-3", *more]

    # The gradients of two processes are added as accumulation adds them, in float32 and a + b = b + a, so that the weights
    # are the same bits. Losses are added in double precision in another order: 1e-12.
    alone(command("alone", 5, "--set", "accumulate=2"))
    together(command("both", 5))
    expect_same(history(folder / "both"), history(folder / "alone"), 1e-12)
    assert (folder / "both/predictions.csv").read_bytes() == (folder / "alone/predictions.csv").read_bytes()
    assert not (folder / "both/seed_0/fold_1").exists()
    print("two processes: the loss curve and the predictions of one that accumulates two")

    # A killed process, in the middle of an accumulation or not: the other says so, and the same command goes on to the end
    # that it would have had.
    together(command("whole", 60, "--set", "accumulate=2"))
    for number, (lost, left) in enumerate([(1, 0), (0, 1)]):
        port, run = free_port(), folder / f"killed{number}"
        killed = command(run.name, 60, "--set", "accumulate=2")
        both = [start(killed, rank, port) for rank in (0, 1)]
        wait_for(run / "seed_0/fold_0/checkpoint", both)
        both[lost].kill()
        end(both[lost])
        told = time.monotonic()
        code, error = end(both[left])
        assert code == 3, (code, error)
        assert time.monotonic() - told < 60, "not promptly"
        assert error.count("another process of this training has ended") == 1 and "goes on from the checkpoint" in error, error
        at = checkpoint(run)
        assert not at["finished"] and at["step"] % 2 == 0, at
        together(killed)
        expect_same(history(run), history(folder / "whole"))
        for file in ("seed_0/fold_0/model.safetensors", "predictions.csv"):
            assert (run / file).read_bytes() == (folder / "whole" / file).read_bytes(), file
    print("a killed process: one sentence, and the uninterrupted result when both are started again")

    # One run is not gone on with by another number of processes.
    mixed = subprocess.run([FOVEA, *map(str, command("both", 5))], capture_output=True, text=True, env=environment())
    assert mixed.returncode == 1 and "another number of processes" in mixed.stderr, (mixed.returncode, mixed.stderr)

    # Different recipes or data; too many processes.
    port = free_port()
    one, other = start(command("odd", 5), 0, port), start(command("odd", 5, "--set", "loss.aem.weight=0.5"), 1, port)
    for process in (one, other):
        code, error = end(process)
        assert code != 0, error
    port = free_port()
    one, other = start(command("odd", 5, "--set", "accumulate=64"), 0, port), start(command("odd", 5, "--set", "accumulate=64"), 1, port)
    errors = [end(process) for process in (one, other)]
    assert any("fewer than one update" in error for _, error in errors), errors
    print("other recipes, other data, too few bags: refused")
    return command


def variables(command):
    missing = subprocess.run([FOVEA, *map(str, command("none", 1)), "--distributed"], capture_output=True, text=True,
                             env=environment(WORLD_SIZE="two", MASTER_PORT=0))
    assert missing.returncode == 1 and not pathlib.Path(command("none", 1)[command("none", 1).index("--out") + 1]).exists()
    for part in ("RANK is not set", "WORLD_SIZE is 'two'", "MASTER_ADDR is not set", "MASTER_PORT is '0'", "torchrun --no-python"):
        assert part in missing.stderr, missing.stderr
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        refused(start(command("none", 1), 0, taken.getsockname()[1]), contains="is in use on this machine")
    port = free_port()
    refused(start(command("none", 1), 0, port, 2), start(command("none", 1), 1, port, 3), contains="WORLD_SIZE is")
    port = free_port()
    waiting = start(command("none", 1), 0, port, 3)
    refused(start(command("none", 1), 1, port, 3), start(command("none", 1), 1, port, 3), contains="two processes were started as rank 1")
    refused(waiting, contains="two processes were started as rank 1")
    # Nobody comes: Ctrl-C ends the wait.
    port = free_port()
    waiting = start(command("none", 1), 0, port)
    wait_for_port(port, waiting)
    waiting.send_signal(signal.SIGINT)
    assert end(waiting, 60)[0] == 130
    print("variables: one sentence each")


def volumes(folder):
    import numpy as np

    from nifti import write_nifti
    random = np.random.default_rng(1)
    lines = ["case,image,label,split"]
    for case in range(6):
        grid = np.indices((20, 20, 12))
        ball = sum((axis - centre) ** 2 for axis, centre in zip(grid, random.integers(6, 12, 3))) < 16
        write_nifti(folder / f"{case}.nii.gz", (300 + 100 * random.random(ball.shape) + 500 * ball).astype("float32"))
        write_nifti(folder / f"{case}_label.nii.gz", ball.astype("uint8"))
        lines.append(f"{case},{case}.nii.gz,{case}_label.nii.gz,{'val' if case > 3 else 'train'}")
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")

    def command(out, *more):
        change = 'network.filters=[4,8],data.size=[16,16,8],epochs=3,data.classes=["ball"],seeds=[0],batch=1'
        return ["mri", "train", "--recipe", "agunet", "--cases", folder / "cases.csv", "--threads", "1", "--bootstrap", "0",
                "--out", folder / out, "--quiet", "--set", change, *more]

    # Each step normalises by its own batch, so that the losses are the same; the running means and variances that
    # validation uses are averaged over the processes and not gathered one after the other, so that its Dice may differ.
    alone(command("alone", "--set", "accumulate=2"))
    together(command("both"))
    expect_same(history(folder / "both"), history(folder / "alone"), 1e-6, ["epoch", "train_loss", "learning_rate"])

    # Stopped by Ctrl-C in both, it goes on to the same bits.
    port = free_port()
    both = [start(command("stopped"), rank, port) for rank in (0, 1)]
    wait_for(folder / "stopped/seed_0/fold_0/checkpoint", both)
    for process in both:
        process.send_signal(signal.SIGINT)
    codes = [end(process)[0] for process in both]
    assert codes in ([130, 130], [0, 0]), codes
    together(command("stopped"))
    expect_same(history(folder / "stopped"), history(folder / "both"))
    model = "seed_0/fold_0/model.safetensors"
    assert (folder / "stopped" / model).read_bytes() == (folder / "both" / model).read_bytes()
    print("volumes: the loss curve of one process, and Ctrl-C in all of them")


def torchrun(folder, command):
    run = subprocess.run([sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(free_port()),
                          "--no-python", FOVEA, *map(str, command("torchrun", 5)), "--distributed"],
                         capture_output=True, text=True, env=environment())
    assert run.returncode == 0, run.stderr
    expect_same(history(folder / "torchrun"), history(folder / "both"))
    print("torchrun: the same curve")


def have(module):
    try:
        __import__(module)
    except ImportError:
        print(f"skipped: {module} is not installed")
        return False
    return True


with tempfile.TemporaryDirectory(prefix="fovea-distributed-") as name:
    root = pathlib.Path(name)
    made = slides(root)
    variables(made)
    if have("numpy"):
        (root / "volumes").mkdir()
        volumes(root / "volumes")
    if have("torch"):
        torchrun(root, made)
