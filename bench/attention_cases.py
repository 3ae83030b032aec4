"""The cases of `./run bench attention`: for each one our operator, what people write in PyTorch, and torchmil's module.

A case is built for a size and returns its variants, callables without arguments. The first one is ours.
"""
import torch
from torch.nn import functional as F

HIDDEN, BRANCHES, WIDTH = 512, 5, 1024


def fovea():
    return torch.ops.fovea


def gate_weights(dtype=torch.float32, width=WIDTH, hidden=HIDDEN, branches=BRANCHES):
    scaled = lambda rows, columns: (torch.randn(rows, columns) / columns**0.5).to(dtype)
    bias = lambda rows: (torch.randn(rows) / 10).to(dtype)
    return [scaled(hidden, width), bias(hidden), scaled(hidden, width), bias(hidden), scaled(branches, hidden),
            bias(branches)]


def eager_pool(x, wv, bv, wu, bu, w, b):
    s = F.linear(torch.tanh(F.linear(x, wv, bv)) * torch.sigmoid(F.linear(x, wu, bu)), w, b).T
    a = torch.softmax(s.float(), 1)
    return a.to(x.dtype) @ x, s


def torchmil_pool():
    """torchmil's gated pooling has one branch where ours has five; None where torchmil is missing."""
    try:
        from torchmil.nn import AttentionPool
    except ImportError:
        return None
    return AttentionPool(in_dim=WIDTH, att_dim=HIDDEN, gated=True)


def gemm(rows, dtype=torch.float32):
    """The machine's own matrix product of the gate's m, n, k."""
    a, b = torch.randn(rows, WIDTH).to(dtype), torch.randn(WIDTH, 2 * HIDDEN).to(dtype)
    out = torch.empty(rows, 2 * HIDDEN, dtype=dtype)
    return lambda: torch.mm(a, b, out=out)


def gated_pool(n):
    x, weights, module = torch.randn(n, WIDTH), gate_weights(), torchmil_pool()
    variants = {"fovea": lambda: fovea().gated_pool(x, *weights), "eager": lambda: eager_pool(x, *weights)}
    if module:
        bag = x.unsqueeze(0)
        variants["torchmil"] = lambda: module(bag)
    variants["gemm"] = gemm(n)
    return variants


def gated_pool_bf16(n):
    x, weights = torch.randn(n, WIDTH), gate_weights()
    low_x, low = x.bfloat16(), [w.bfloat16() for w in weights]
    return {"fovea": lambda: fovea().gated_pool(low_x, *low), "eager": lambda: eager_pool(low_x, *low),
            "fovea float32": lambda: fovea().gated_pool(x, *weights), "gemm": gemm(n, torch.bfloat16)}


def training_step(n):
    """Frozen embeddings: gradients of the weights alone."""
    x, module = torch.randn(n, WIDTH), torchmil_pool()
    weights = [w.requires_grad_() for w in gate_weights()]

    def step(pool):
        with torch.enable_grad():
            torch.autograd.grad(pool(x, *weights)[0].square().sum(), weights)

    variants = {"fovea": lambda: step(fovea().gated_pool), "eager": lambda: step(eager_pool)}
    if module:
        bag, parameters = x.unsqueeze(0), list(module.parameters())

        def module_step():
            with torch.enable_grad():
                torch.autograd.grad(module(bag).square().sum(), parameters, allow_unused=True)

        variants["torchmil"] = module_step
    variants["gemm"] = gemm(n)
    return variants


class QueryBlock(torch.nn.Module):
    """A branch of ACMIL-MHA as published: keys and values projected for every row (mil.md 1.5)."""

    def __init__(self, width, heads=8):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (torch.nn.Linear(width, width) for _ in range(4))
        self.layer_norm = torch.nn.LayerNorm(width, eps=1e-6)

    def split(self, rows):
        return rows.view(rows.size(0), self.heads, -1).transpose(0, 1)

    def forward(self, query, x):
        q, k = self.split(self.q_proj(query)), self.split(self.k_proj(x))
        s = q @ k.transpose(1, 2) / q.size(2) ** 0.5
        return self.pooled(torch.softmax(s, -1), x), s

    def pooled(self, a, x):
        return self.layer_norm(self.out_proj((a @ self.split(self.v_proj(x))).transpose(0, 1).flatten(1)))

    def folded(self, query, x):
        linear = lambda layer: (layer.weight, layer.bias)
        z, s, _ = fovea().query_pool(x, query, *linear(self.q_proj), *linear(self.k_proj), *linear(self.v_proj),
                                     *linear(self.out_proj), self.heads)
        return self.layer_norm(z), s

    def folded_values(self, a, x):
        pooled = a.flatten(0, 1) @ x
        values = self.v_proj.weight.view(self.heads, -1, x.size(1)) @ pooled.unsqueeze(2)
        return self.layer_norm(self.out_proj(values.flatten().unsqueeze(0) + self.v_proj.bias))


def acmil_mha(n):
    width = 512
    x, queries = torch.randn(n, width).relu(), torch.randn(BRANCHES, 1, width)
    branches, bag = [QueryBlock(width) for _ in range(BRANCHES)], QueryBlock(width)

    def run(branch_of, bag_of):
        pooled, scores = zip(*(branch_of(branch)(query, x) for branch, query in zip(branches, queries)))
        return torch.cat([*pooled, bag_of(torch.softmax(torch.cat(scores, 1), -1).mean(1, True), x)])

    return {"fovea": lambda: run(lambda branch: branch.folded, bag.folded_values),
            "eager": lambda: run(lambda branch: branch, bag.pooled)}


def attention_gate(n):
    side = round(n ** (1 / 3))
    g, x = torch.randn(2, 1, 32, side, side, side)
    wg, bg, wx, bx = torch.randn(16, 32), torch.randn(16), torch.randn(16, 32), torch.randn(16)
    psi, bpsi = torch.randn(32), torch.randn(1)
    kernel = lambda weight: weight.reshape(-1, 32, 1, 1, 1)

    def eager():
        both = torch.cat([F.conv3d(g, kernel(wg), bg), F.conv3d(x, kernel(wx), bx)], 1).relu()
        alpha = torch.sigmoid(F.conv3d(both, kernel(psi), bpsi))
        return x * alpha, alpha

    return {"fovea": lambda: fovea().attention_gate(g, x, wg, bg, wx, bx, psi, bpsi, "concat"), "eager": eager}


def position_attention(n):
    channels = 64
    x, gamma = torch.randn(1, channels, n // 32, 32), torch.ones(1)
    wq, wk = torch.randn(2, channels // 8, channels) / channels**0.5
    wv = torch.randn(channels, channels) / channels**0.5

    def eager():
        rows = x.flatten(2).transpose(1, 2)
        weights = torch.softmax((rows @ wq.T) @ (rows @ wk.T).transpose(1, 2), -1)
        return gamma * (weights @ (rows @ wv.T)).transpose(1, 2).reshape(x.shape) + x

    return {"fovea": lambda: fovea().dual_position(x, wq, None, wk, None, wv, None, gamma), "eager": eager}


def neighbourhood(n):
    side = round(n**0.5)
    q, k, v = torch.randn(3, 1, 8, side * side, 64)
    return {"fovea": lambda: fovea().neighborhood_attention(q, k, v, [side, side], [13, 13]),
            "dense flash": lambda: F.scaled_dot_product_attention(q, k, v)}


def phi(x):
    return F.elu(x) + 1


def linear_attention(n):
    q, k, v = torch.randn(3, 1, 8, n, 64)

    def eager():
        fq, fk = phi(q), phi(k)
        return fq @ (fk.transpose(2, 3) @ v) / (fq @ fk.sum(2).unsqueeze(3) + 1e-6)

    return {"fovea": lambda: fovea().linear_attention(q, k, v), "eager": eager}


def mala(n):
    q, k, v = torch.randn(3, 1, 8, n, 64)

    def eager():
        fq, fk, c = phi(q), phi(k), q.size(3) ** -0.5
        z = c * (fq @ fk.mean(2, True).transpose(2, 3))
        return (fq @ (c / n * fk.transpose(2, 3) @ v)) * (1 + 1 / (z + 1e-6)) - z * v.mean(2, True), z

    return {"fovea": lambda: fovea().mala(q, k, v), "eager": eager}


def cuda_pool(n):
    x, weights = torch.randn(n, WIDTH).bfloat16().cuda(), [w.cuda() for w in gate_weights(torch.bfloat16)]
    b, out = torch.randn(WIDTH, 2 * HIDDEN).bfloat16().cuda(), torch.empty(n, 2 * HIDDEN).bfloat16().cuda()
    return {"fovea": lambda: fovea().gated_pool(x, *weights), "eager": lambda: eager_pool(x, *weights),
            "gemm": lambda: torch.mm(x, b, out=out), "one read of x": lambda: x.view(torch.int16).amax()}
