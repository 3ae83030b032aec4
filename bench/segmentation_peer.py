"""The peers of bench/segmentation.py, each in a process of its own: AGUNet as one writes it in PyTorch, and onnxruntime.

usage: segmentation_peer.py make MODEL.safetensors                                     an untrained reference network
       segmentation_peer.py torch|torch-last MODEL.safetensors INPUT OUTPUT THREADS X Y Z
       segmentation_peer.py onnxruntime MODEL.onnx INPUT OUTPUT THREADS X Y Z
Says seconds and memory as JSON; what importing a library costs is not counted, its memory is.
"""
import json
import resource
import struct
import sys
import time

import numpy

FILTERS = [16, 32, 128, 256, 256]


def network():
    import torch
    from torch import nn

    def norm(width):
        return nn.BatchNorm3d(width, eps=1e-3)

    class Block(nn.Module):
        def __init__(self, width_in, width):
            super().__init__()
            self.conv0, self.bn0 = nn.Conv3d(width_in, width, 3, padding=1), norm(width)
            self.conv1, self.bn1 = nn.Conv3d(width, width, 3, padding=1), norm(width)

        def forward(self, x):
            return torch.relu(self.bn1(self.conv1(torch.relu(self.bn0(self.conv0(x))))))

    class Gate(nn.Module):
        def __init__(self, width):
            super().__init__()
            inner = width // 2
            self.g, self.g_bn = nn.Conv3d(width, inner, 1), norm(inner)
            self.x, self.x_bn = nn.Conv3d(width, inner, 1), norm(inner)
            self.psi, self.psi_bn = nn.Conv3d(2 * inner, 1, 1), norm(1)

        def forward(self, g, x):
            both = torch.relu(torch.cat([self.g_bn(self.g(g)), self.x_bn(self.x(x))], 1))
            return x * torch.sigmoid(self.psi_bn(self.psi(both)))

    class Decoder(Block):
        def __init__(self, below, width):
            super().__init__(2 * width, width)
            self.up, self.up_bn, self.gate = nn.ConvTranspose3d(below, width, 3, stride=2), norm(width), Gate(width)

        def forward(self, x, skip):
            up = torch.relu(self.up_bn(self.up(x)[:, :, :-1, :-1, :-1]))
            return super().forward(torch.cat([up, self.gate(up, skip)], 1))

    class AGUNet(nn.Module):
        """Heads of deep supervision are left out: inference needs the first alone."""

        def __init__(self):
            super().__init__()
            below = 1
            for level, width in enumerate(FILTERS[:-1]):
                encoder = Block(below + (width if level else 0), width)
                if level:
                    encoder.pyr = nn.Conv3d(1, width, 3, padding=1)
                self.add_module(f"enc{level}", encoder)
                below = width
            self.bottom, below = Block(below, FILTERS[-1]), FILTERS[-1]
            for level in reversed(range(len(FILTERS) - 1)):
                self.add_module(f"dec{level}", Decoder(below, FILTERS[level]))
                below = FILTERS[level]
            self.head0 = nn.Conv3d(below, 2, 1)

        def forward(self, x):
            pyramid, skips = x, []
            for level in range(len(FILTERS) - 1):
                encoder = getattr(self, f"enc{level}")
                if level:
                    pyramid = nn.functional.avg_pool3d(pyramid, 2)
                    x = torch.cat([torch.relu(encoder.pyr(pyramid)), x], 1)
                x = encoder(x)
                skips.append(x)
                x = nn.functional.max_pool3d(x, 2)
            x = self.bottom(x)
            for level in reversed(range(len(FILTERS) - 1)):
                x = getattr(self, f"dec{level}")(x, skips.pop())
            return torch.softmax(self.head0(x), 1)

    return AGUNet()


def write_safetensors(path, tensors):
    header, at = {}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            file.write(value.tobytes())


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        body = file.read()
    return {name: numpy.frombuffer(body, numpy.float32, (entry["data_offsets"][1] - entry["data_offsets"][0]) // 4,
                                   entry["data_offsets"][0]).reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


def make(path):
    """Random weights, with running statistics of a random volume so that every layer has something to say."""
    import torch
    torch.manual_seed(1)
    model = network()
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm3d):
            part.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.rand(2, 1, 64, 64, 64))
    write_safetensors(path, {name: value.numpy() for name, value in model.state_dict().items()
                             if not name.endswith("num_batches_tracked")})


def cpu_seconds():
    use = resource.getrusage(resource.RUSAGE_SELF)
    return use.ru_utime + use.ru_stime


def with_torch(model_path, x, threads, last):
    import torch
    torch.set_num_threads(threads)
    begin = cpu_seconds()
    model = network().eval()
    state = {name: torch.from_numpy(value.copy()) for name, value in read_safetensors(model_path).items()}
    missing = model.load_state_dict({k: v for k, v in state.items() if k in model.state_dict()}, strict=False).missing_keys
    assert all(name.endswith("num_batches_tracked") for name in missing), missing
    del state
    x = torch.from_numpy(x)
    if last:
        model, x = model.to(memory_format=torch.channels_last_3d), x.contiguous(memory_format=torch.channels_last_3d)

    def run():
        with torch.inference_mode():
            return model(x).contiguous().numpy()

    return begin, run


def with_onnxruntime(model_path, x, threads):
    import onnxruntime
    begin = cpu_seconds()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(model_path, options, providers=["CPUExecutionProvider"])
    return begin, lambda: session.run(None, {"input": x})[0]


def main():
    kind, model = sys.argv[1:3]
    if kind == "make":
        return make(model)
    threads, shape = int(sys.argv[5]), tuple(map(int, sys.argv[6:9]))
    x = numpy.fromfile(sys.argv[3], numpy.float32).reshape((1, 1) + shape)
    begin, run = with_onnxruntime(model, x, threads) if kind == "onnxruntime" else with_torch(model, x, threads, kind == "torch-last")
    before, start = cpu_seconds(), time.perf_counter()
    y = run()
    wall, after = time.perf_counter() - start, cpu_seconds()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    y.tofile(sys.argv[4])
    version = sys.modules["onnxruntime" if kind == "onnxruntime" else "torch"].__version__
    print(json.dumps({"cpu": after - before, "wall": wall, "with_loading": after - begin, "peak": peak, "version": version}))


if __name__ == "__main__":
    main()
