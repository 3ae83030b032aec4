"""Arguments for every operator: name -> list of argument tuples, in float64."""
import torch


def normal(*sizes):
    return torch.randn(*sizes, dtype=torch.float64)


def mask(*sizes):
    count = torch.Size(sizes).numel()
    return (torch.arange(count) % 3 != 1).view(*sizes)


def gate(gated=True):
    sigmoid = (normal(4, 5), normal(4)) if gated else (None, None)
    return normal(7, 5), normal(4, 5), normal(4), *sigmoid, normal(3, 4), normal(3)


def tokens(queries, keys, key_heads=2):
    return normal(2, 2, queries, 4), normal(2, key_heads, keys, 4), normal(2, key_heads, keys, 3)


def all_samples():
    torch.manual_seed(7)
    weights = (normal(4, 3), normal(4), normal(4, 2), normal(4))
    dual = (normal(2, 4, 2, 3), normal(2, 4), normal(2), normal(2, 4), None, normal(4, 4), normal(4), normal(1))
    query = (normal(7, 5), normal(2, 6), normal(8, 6), normal(8), normal(8, 5), normal(8), normal(4, 5), normal(4))
    return {
        "gated_scores": [gate()],
        "score_pool": [(normal(3, 7), normal(7, 5), mask(7)), (normal(3, 7), normal(7, 5))],
        "gated_pool": [gate(), (*gate(False), mask(3, 7)), (*gate(), mask(3, 7), -4.0)],
        "softmax_merge": [([normal(3, 4), normal(3, 4)], [normal(3), normal(3)])],
        "query_pool": [(*query, normal(3, 4), normal(3), 2, mask(7)), (*query, None, None, 2)],
        "attention": [
            (*tokens(5, 6, 1), normal(2, 1, 5, 6), mask(2, 6)),
            (*tokens(5, 6), None, None, 0.7, "softmax_sink", normal(2)),
            (*tokens(5, 6), None, mask(6), None, "sigmoid"),
            (*tokens(5, 6), None, None, None, "affine", None, normal(2, 2, 5), 0.3),
        ],
        "neighborhood_attention": [
            (*tokens(12, 12), [3, 4], [3, 2], [1], [1, 2], mask(12)),
            (*tokens(12, 12), [3, 4], [2, 3], [2, 1], [1], None, [True, False]),
        ],
        "linear_attention": [(*tokens(5, 6), mask(6)), tokens(5, 6)],
        "mala": [(*tokens(6, 6), None, normal(6, 2).repeat_interleave(2, 1), normal(6, 2).repeat_interleave(2, 1)),
                 tokens(5, 6)],
        "decayed_linear_attention": [(*tokens(9, 9), normal(2).abs(), "bidirectional", 4),
                                     (*tokens(9, 9), normal(2).abs())],
        "attention_gate": [
            (normal(2, 3, 2, 2, 3), normal(2, 2, 2, 2, 3), *weights, normal(8), normal(1)),
            (normal(2, 3, 2, 2), normal(2, 2, 4, 5), *weights, normal(4), normal(1), "add", [2], True),
        ],
        "modality_attention": [(normal(2, 3, 2, 2, 3), normal(2, 4, 2, 3), mask(2, 3), normal(3, 5, 2), normal(5, 4),
                                normal(5), normal(5), normal(1))],
        "dual_position": [dual],
        "dual_channel": [(normal(2, 3, 2, 2), normal(1)), (normal(2, 3, 2, 2), normal(1), "direct")],
        "block_sparse_attention": [(*tokens(7, 9, 1), mask(1, 2, 3, 3), 3)],
        "rectified_block_sparse_attention": [(*tokens(7, 9), 3, 0.6), (*tokens(7, 9), 3, 0.6, 1, None,
                                                                       mask(2, 2, 3, 3))],
    }
