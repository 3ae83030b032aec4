"""The operators' definitions (docs/operators.md) as plain torch compositions, written for reading."""
import itertools
import math

import torch
from torch.nn import functional as F

NEGATIVE_INFINITY = float("-inf")


def gated_scores(x, wv, bv, wu, bu, w, b):
    hidden = torch.tanh(F.linear(x, wv, bv))
    if wu is not None:
        hidden = hidden * torch.sigmoid(F.linear(x, wu, bu))
    return F.linear(hidden, w, b).T


def score_pool(s, x, keep=None, fill=None):
    if keep is not None:
        s = s.masked_fill(~keep, NEGATIVE_INFINITY if fill is None else fill)
    a = torch.softmax(s, 1)
    entropy = -torch.where(a > 0, a * torch.log(a.clamp_min(1e-300)), 0.0).sum(1)
    return a @ x, torch.logsumexp(s, 1), entropy, a @ a.T


def gated_pool(x, wv, bv, wu, bu, w, b, keep=None, fill=None):
    s = gated_scores(x, wv, bv, wu, bu, w, b)
    if keep is not None:
        s = s.masked_fill(~keep, NEGATIVE_INFINITY if fill is None else fill)
    z, lse, entropy, gram = score_pool(s, x)
    return z, s, lse, entropy, gram


def softmax_merge(outs, lses):
    a = torch.softmax(torch.stack(lses), 0)
    return (a.unsqueeze(-1) * torch.stack(outs)).sum(0), torch.logsumexp(torch.stack(lses), 0)


def query_pool(x, q, wq, bq, wk, bk, wv, bv, wo, bo, heads, keep=None):
    def split(rows):
        return rows.view(rows.size(0), heads, -1).transpose(0, 1)

    queries, keys, values = split(F.linear(q, wq, bq)), split(F.linear(x, wk, bk)), split(F.linear(x, wv, bv))
    s = queries @ keys.transpose(1, 2) / math.sqrt(queries.size(2))
    if keep is not None:
        s = s.masked_fill(~keep, NEGATIVE_INFINITY)
    z = (torch.softmax(s, -1) @ values).transpose(0, 1).flatten(1)
    return z if wo is None else F.linear(z, wo, bo), s, torch.logsumexp(s, -1)


def repeated(x, heads):
    return x.repeat_interleave(heads // x.size(1), 1)


def attention(q, k, v, bias=None, keep=None, scale=None, normaliser="softmax", sink=None, alpha=None, alpha_ma=0.0):
    k, v = repeated(k, q.size(1)), repeated(v, q.size(1))
    s = q @ k.transpose(2, 3) * (scale or q.size(3) ** -0.5)
    if bias is not None:
        s = s + bias
    allowed = torch.ones_like(s, dtype=torch.bool)
    if keep is not None:
        allowed = (keep if keep.dim() == 4 else keep[..., None, None, :]).expand_as(s)
    s = s.masked_fill(~allowed, NEGATIVE_INFINITY)
    n = allowed.sum(-1, True).to(s.dtype)
    if normaliser == "softmax":
        a = torch.softmax(s, -1)
    elif normaliser == "softmax_sink":
        column = sink.view(1, -1, 1, 1).expand(*s.shape[:3], 1)
        a = torch.softmax(torch.cat([s, column], -1), -1)[..., :-1]
    elif normaliser == "sigmoid":
        a = torch.sigmoid(s - torch.log(n))
    else:
        a = alpha[..., None] * torch.softmax(s, -1) + (alpha_ma - alpha[..., None]) / n * allowed
    return a @ v, torch.logsumexp(s, -1)


def axis_allows(length, window, stride, dilation, causal):
    allowed = torch.zeros(length, length, dtype=torch.bool)
    left, right = window // 2, window // 2 - 1 + window % 2
    for p, j in itertools.product(range(length), repeat=2):
        group, i = p % dilation, p // dilation
        n = math.ceil((length - group) / dilation)
        if causal:
            leader = min(i // stride * stride + stride - 1, n - 1)
            start, end = max(leader - window + 1, 0), i + 1
        else:
            leader = min(i // stride * stride + stride // 2, n - 1)
            start = max(leader - left, 0) + (leader + right >= n) * (n - right - leader - 1)
            end = start + window
        allowed[p, j] = j % dilation == group and start <= j // dilation < end
    return allowed


def neighborhood_attention(q, k, v, shape, window, stride, dilation, valid=None, causal=(False,)):
    every = lambda values, axis: values[axis if len(values) > 1 else 0]
    allowed = torch.ones(1, 1, dtype=torch.bool)
    for axis, length in enumerate(shape):
        rule = axis_allows(length, *(every(values, axis) for values in (window, stride, dilation, causal)))
        allowed = torch.kron(allowed.int(), rule.int()).bool()
    if valid is not None:
        allowed = allowed & valid & valid[:, None]
    s = (q @ k.transpose(2, 3) * q.size(3) ** -0.5).masked_fill(~allowed, NEGATIVE_INFINITY)
    return torch.nan_to_num(torch.softmax(s, -1), 0.0) @ v, torch.logsumexp(s, -1)


def phi(x):
    return F.elu(x) + 1


def linear_attention(q, k, v, keep=None, eps=1e-6):
    fk = phi(k) if keep is None else phi(k) * keep[:, None]
    return phi(q) @ (fk.transpose(2, 3) @ v) / ((phi(q) * fk.sum(2, True)).sum(-1, True) + eps)


def rotated(x, sin, cos):
    turned = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
    return x * cos + turned * sin


def mala(q, k, v, keep=None, sin=None, cos=None, eps=1e-6):
    fq, fk, c, n = phi(q), phi(k), q.size(3) ** -0.5, k.size(2)
    z = c * (fq * fk.mean(2, True)).sum(-1, True)
    if sin is not None:
        fq, fk = rotated(fq, sin, cos), rotated(fk, sin, cos)
    return fq @ (c / n * fk.transpose(2, 3) @ v) * (1 + 1 / (z + eps)) - z * v.mean(2, True), z


def decayed_linear_attention(q, k, v, slopes, decay="causal", tile=64):
    i = torch.arange(q.size(2))
    distance = (i[:, None] - i).abs()
    weights = torch.exp(-slopes[:, None, None] * distance)
    if decay == "causal":
        weights = weights.tril()
    return (q @ k.transpose(2, 3) * weights) @ v


def attention_gate(g, x, wg, bg, wx, bx, wpsi, bpsi, combine="concat", theta_stride=(), upsample_g=False):
    pointwise = lambda image, w, b: F.linear(image.movedim(1, -1), w, b).movedim(-1, 1)
    strides = list(theta_stride) * (x.dim() - 2 if len(theta_stride) == 1 else 1) or [1] * (x.dim() - 2)
    from_x = pointwise(x[(slice(None), slice(None)) + tuple(slice(None, None, step) for step in strides)], wx, bx)
    linear = "trilinear" if x.dim() == 5 else "bilinear"
    from_g = pointwise(g, wg, bg)
    if upsample_g:
        from_g = F.interpolate(from_g, from_x.shape[2:], mode=linear, align_corners=False)
    both = torch.cat([from_g, from_x], 1) if combine == "concat" else from_g + from_x
    alpha = torch.sigmoid(pointwise(torch.relu(both), wpsi[None], bpsi))
    if alpha.shape[2:] != x.shape[2:]:
        alpha = F.interpolate(alpha, x.shape[2:], mode=linear, align_corners=False)
    return alpha * x, alpha


def modality_attention(features, guide, present, wf, wg, bg, wp, bp):
    from_guide = F.linear(guide.movedim(1, -1), wg, bg)
    s = torch.stack([F.linear(torch.relu(F.linear(features[:, m].movedim(1, -1), wf[m]) + from_guide), wp[None], bp)
                     .squeeze(-1) for m in range(features.size(1))], 1)
    absent = ~present.view(*present.shape, *[1] * (s.dim() - 2))
    a = torch.nan_to_num(torch.softmax(s.masked_fill(absent, NEGATIVE_INFINITY), 1), 0.0)
    return (a.unsqueeze(2) * features).sum(1), a


def dual_position(x, wq, bq, wk, bk, wv, bv, gamma):
    rows = x.flatten(2).transpose(1, 2)
    a = torch.softmax(F.linear(rows, wq, bq) @ F.linear(rows, wk, bk).transpose(1, 2), -1)
    return gamma * (a @ F.linear(rows, wv, bv)).transpose(1, 2).reshape(x.shape) + x


def dual_channel(x, gamma, form="inverted"):
    rows = x.flatten(2)
    energy = rows @ rows.transpose(1, 2)
    if form == "inverted":
        a = torch.softmax(energy.amax(-1, True) - energy, -1)
    else:
        a = torch.softmax(energy, -1).transpose(1, 2)
    return gamma * (a @ rows).reshape(x.shape) + x


def block_sparse_attention(q, k, v, blocks, b=64, scale=None):
    allowed = blocks.repeat_interleave(b, 2)[:, :, : q.size(2)].repeat_interleave(b, 3)[..., : k.size(2)]
    k, v = repeated(k, q.size(1)), repeated(v, q.size(1))
    s = (q @ k.transpose(2, 3) * q.size(3) ** -0.5).masked_fill(~allowed, NEGATIVE_INFINITY)
    return torch.nan_to_num(torch.softmax(s, -1), 0.0) @ v, torch.logsumexp(s, -1)


def rectified_block_sparse_attention(q, k, v, b=64, mass=0.9, at_least=1, scale=None, blocks=None):
    def means(x):
        return torch.stack([part.mean(2) for part in x.split(b, 2)], 2)

    def deviations(x):
        return torch.stack([(part - part.mean(2, True)).abs().mean(2) for part in x.split(b, 2)], 2)

    product = lambda a, c: a @ c.transpose(2, 3)
    pooled = torch.softmax(product(means(q), means(k)) * q.size(3) ** -0.5, -1)
    if blocks is None:
        largest, order = torch.sort(pooled, stable=True, dim=-1, descending=True)
        wanted = (largest.cumsum(-1) - largest <= mass) | (torch.arange(pooled.size(-1)) < at_least)
        blocks = torch.zeros_like(wanted).scatter(-1, order, wanted)
    gain = product(means(q), means(k)).abs() > (
        product(deviations(q), means(k)).abs() + product(means(q), deviations(k)).abs())
    critical = blocks | ~gain
    sparse, lse = block_sparse_attention(q, k, v, blocks, b)
    of_tokens = lambda x: x.repeat_interleave(b, 2)[:, :, : q.size(2)]
    share, rest = (pooled * critical).sum(-1, True), (pooled * ~critical) @ means(v)
    return of_tokens(share) * sparse + of_tokens(rest), sparse, lse, pooled, blocks, critical
