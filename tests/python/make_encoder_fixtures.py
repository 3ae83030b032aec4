"""Tiny encoders with random weights and what timm and transformers give for two tiles: tests/parity/encoders, which C++ tests open.

Usage: make_encoder_fixtures.py FOLDER. Every folder is as users have encoders on disk, with a stored self-test (tiles, features).
"""
import pathlib
import shutil
import sys

import torch
import transformers
from PIL import Image
from safetensors.torch import save_file
from timm.layers import SwiGLUPacked

from encoders_test import Case, HubCase

SMALL = dict(embed_dim=8, depth=2, num_heads=2, patch_size=4, mlp_ratio=2)
GATED = dict(mlp_layer=SwiGLUPacked, act_layer=torch.nn.SiLU, init_values=1e-5, mlp_ratio=3)
TIMM = "vit_small_patch16_224"


def cases():
    yield "timm_class", Case("", TIMM, SMALL, size=16, tile=16)
    yield "timm_layer_scale_resized", Case("", TIMM, {**SMALL, "init_values": 1e-5, "dynamic_img_size": True}, size=16, tile=24,
                                           own={"tile_px": 24})
    yield "timm_swiglu_registers", Case("", TIMM, {**SMALL, **GATED, "reg_tokens": 3, "no_embed_class": True}, size=16, tile=16)
    yield "timm_class_mean", Case("", TIMM, {**SMALL, **GATED, "reg_tokens": 2}, size=16, tile=16, pool="", own={"pooling": "class_mean"})
    yield "timm_mean_resampled", Case("", TIMM, {**SMALL, "qk_norm": True, "qkv_bias": False}, size=16, tile=16, pool="avg", stored_size=28)
    yield "timm_pre_norm_cut", Case("", "vit_base_patch16_clip_224", SMALL, size=16, tile=24, interpolation="bicubic", crop_pct=0.8,
                                    own={"tile_px": 24})
    hub = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, patch_size=4)
    yield "hub_vit", HubCase("", transformers.ViTModel(transformers.ViTConfig(**hub, intermediate_size=16, image_size=16)), 16)
    yield "hub_dinov2", HubCase("", transformers.Dinov2Model(transformers.Dinov2Config(**hub, mlp_ratio=2, image_size=16)), 16)
    yield "hub_dinov2_swiglu_resampled", HubCase("", transformers.Dinov2Model(transformers.Dinov2Config(
        **hub, mlp_ratio=2, image_size=28, use_swiglu_ffn=True)), 16)


def pictures(edge):
    generator = torch.Generator().manual_seed(edge)
    for _ in range(2):
        rough = torch.randint(0, 256, (edge, edge, 3), generator=generator, dtype=torch.uint8)
        yield Image.frombytes("RGB", (edge, edge), bytes(rough.flatten().tolist()))


def main():
    root = pathlib.Path(sys.argv[1])
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    for name, case in cases():
        case.folder(root / name)
        tiles = list(pictures(case.tile))
        raw = torch.stack([torch.tensor(list(tile.tobytes()), dtype=torch.uint8).view(case.tile, case.tile, 3) for tile in tiles])
        save_file({"tiles": raw, "features": case.features(tiles).contiguous()}, root / name / "selftest.safetensors")
        print(name, tuple(case.features(tiles).shape))


main()
