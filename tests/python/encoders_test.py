"""Tile encoders against timm and transformers: random weights, saved as their users have them on disk, through `fovea encode`.

Usage: encoders_test.py PROGRAM TILES_FOLDER [--full] [--only NAME] [--table FILE]; exit code 77 when timm or transformers is not there.
Without --full the widest networks have few blocks: the depth is data. Real weights are gated, so that random ones have to do.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import timm
    import torch
    import transformers
    from PIL import Image
    from safetensors.torch import load_file, save_file
    from timm.layers import SwiGLUPacked
except ImportError as error:
    print(f"skipped: the peers are not there ({error}); ./run test fetches them")
    sys.exit(77)

TOLERANCE = 1e-4
IMAGENET = dict(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def randomise(model, seed):
    """Weights that leave nothing small enough to hide an error: LayerScale near 1, biases, norms and positions that matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in list(model.named_parameters()) + list(model.named_buffers()):
            if not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(0.5 + noise.abs())
            elif tensor.dim() >= 2 and not any(word in name for word in ("token", "pos_embed", "position")):
                tensor.copy_(noise / tensor[0].numel() ** 0.5)
            elif "gamma" in name or "lambda" in name:
                tensor.copy_(0.5 + 0.2 * noise)
            elif name.endswith("weight"):
                tensor.copy_(1 + 0.2 * noise)
            else:
                tensor.copy_(0.3 * noise)
    return model.eval()


def timm_config(architecture, arguments, pool="token", size=224, interpolation="bilinear", crop_pct=1.0, own=None):
    plain = {key: value for key, value in arguments.items() if key not in ("mlp_layer", "act_layer")}  # JSON cannot hold classes
    config = {"architecture": architecture, "num_classes": 0, "global_pool": pool, "model_args": plain,
              "pretrained_cfg": {"input_size": [3, size, size], "interpolation": interpolation, "crop_pct": crop_pct, **IMAGENET}}
    return {**config, **({"fovea": own} if own else {})}


class Case:
    """folder(): writes what users have; features(): what the original gives for Pillow pictures."""

    def __init__(self, name, architecture, arguments, *, pool="token", tile=224, size=224, interpolation="bilinear", crop_pct=1.0, own=None,
                 stored_size=None, as_pickle=False):
        self.name, self.tile, self.size, self.interpolation, self.crop_pct = name, tile, size, interpolation, crop_pct
        self.as_pickle = as_pickle
        build = {**arguments, "img_size": stored_size or size} if architecture.startswith("vit") else {}
        self.model = randomise(timm.create_model(architecture, num_classes=0, global_pool=pool, **build), 1)
        self.config = timm_config(architecture, {**arguments, "img_size": size} if build else {}, pool, size, interpolation, crop_pct, own)
        self.state = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        if stored_size:  # the weights keep the positions of another size: timm resamples when it loads them
            self.model = timm.create_model(architecture, num_classes=0, global_pool=pool, **{**arguments, "img_size": size}).eval()
            from timm.models.vision_transformer import checkpoint_filter_fn
            self.model.load_state_dict(checkpoint_filter_fn(self.state, self.model))

    def folder(self, path):
        path.mkdir()
        (path / "config.json").write_text(json.dumps(self.config))
        if self.as_pickle:
            torch.save(self.state, path / "pytorch_model.bin")
        else:
            save_file(self.state, path / "model.safetensors", metadata={"format": "pt"})

    def prepared(self, picture):
        resized = round(self.size / self.crop_pct)
        filter_ = Image.Resampling.BICUBIC if self.interpolation == "bicubic" else Image.Resampling.BILINEAR
        if picture.width != resized:
            picture = picture.resize((resized, resized), filter_)
        margin = (resized - self.size) // 2
        picture = picture.crop((margin, margin, margin + self.size, margin + self.size))
        x = torch.tensor(list(picture.tobytes()), dtype=torch.uint8).view(self.size, self.size, 3).permute(2, 0, 1).float() / 255
        return (x - torch.tensor(IMAGENET["mean"]).view(3, 1, 1)) / torch.tensor(IMAGENET["std"]).view(3, 1, 1)

    def features(self, pictures):
        x = torch.stack([self.prepared(picture) for picture in pictures])
        with torch.no_grad():
            return self.forward(x)

    def forward(self, x):
        if isinstance(self.model, timm.models.resnet.ResNet):
            model = self.model
            x = model.maxpool(model.act1(model.bn1(model.conv1(x))))
            return model.layer3(model.layer2(model.layer1(x))).mean((2, 3))
        out = self.model(x)
        if out.dim() == 3:
            patches = out[:, self.model.num_prefix_tokens:]
            out = torch.cat([out[:, 0], patches.mean(1)], dim=-1)
        return out


class HubCase(Case):
    """A model of transformers, saved by its own save_pretrained."""

    def __init__(self, name, model, size=224):
        self.name, self.tile, self.size, self.interpolation, self.crop_pct = name, size, size, "bilinear", 1.0
        self.model = randomise(model, 2)

    def folder(self, path):
        self.model.save_pretrained(path)
        processor = {"do_resize": True, "size": {"height": self.size, "width": self.size}, "resample": 2,
                     "image_mean": IMAGENET["mean"], "image_std": IMAGENET["std"]}
        (path / "preprocessor_config.json").write_text(json.dumps(processor))

    def forward(self, x):
        return self.model(pixel_values=x).last_hidden_state[:, 0]


def cases(full):
    gated = dict(mlp_layer=SwiGLUPacked, act_layer=torch.nn.SiLU, init_values=1e-5)
    few = (lambda depth: depth) if full else (lambda depth: min(depth, 3))
    yield lambda: Case("resnet50 truncated, 256 to 224", "resnet50", {}, pool="avg", tile=256)
    yield lambda: Case("vit_small/8", "vit_small_patch8_224", dict(depth=few(12)))
    yield lambda: Case("vit_base/16", "vit_base_patch16_224", dict(depth=few(12)))
    yield lambda: Case("vit_large/16, LayerScale, dynamic size, 256 to 224", "vit_large_patch16_224",
                       dict(depth=few(24), init_values=1e-5, dynamic_img_size=True), tile=256, own={"tile_px": 256})
    yield lambda: Case("vit_base/16, positions of 384 at 224", "vit_base_patch16_224", dict(depth=3), stored_size=384)
    yield lambda: Case("ViT-H/14 SwiGLU, 8 registers, .bin", "vit_giant_patch14_224",
                       dict(embed_dim=1536, depth=4 if full else 2, num_heads=24, mlp_ratio=5.33334, reg_tokens=8, no_embed_class=True,
                            dynamic_img_size=True, **gated), as_pickle=True)
    yield lambda: Case("ViT-H/14 SwiGLU, 4 registers, class + mean", "vit_huge_patch14_224",
                       dict(depth=4 if full else 2, mlp_ratio=5.3375, reg_tokens=4, dynamic_img_size=True, **gated), pool="",
                       interpolation="bicubic", own={"pooling": "class_mean"})
    yield lambda: Case("ViT-g/16 SwiGLU, bicubic 256, cut to 224", "vit_giant_patch14_dinov2",
                       dict(patch_size=16, depth=2, init_values=1e-5, mlp_ratio=5.33334), tile=256, interpolation="bicubic", crop_pct=0.875)
    yield lambda: Case("ViT-g/14 with 4 registers by name", "vit_giant_patch14_reg4_dinov2", dict(depth=2))
    yield lambda: Case("vit_base/16, norm before the blocks", "vit_base_patch16_clip_224", dict(depth=2))
    yield lambda: Case("vit_small/16, mean, norm of q and k, no qkv bias", "vit_small_patch16_224",
                       dict(depth=3, qk_norm=True, qkv_bias=False), pool="avg")
    yield lambda: HubCase("transformers ViT-B/16", transformers.ViTModel(transformers.ViTConfig(num_hidden_layers=few(12))))
    yield lambda: HubCase("transformers Dinov2 L/16", transformers.Dinov2Model(transformers.Dinov2Config(
        hidden_size=1024, num_hidden_layers=few(24), num_attention_heads=16, patch_size=16)))
    yield lambda: HubCase("transformers Dinov2 SwiGLU, positions of 518 at 224", transformers.Dinov2Model(transformers.Dinov2Config(
        hidden_size=768, num_hidden_layers=3, num_attention_heads=12, image_size=518, use_swiglu_ffn=True)))
    yield lambda: HubCase("transformers Dinov2 with 4 registers", transformers.Dinov2WithRegistersModel(
        transformers.Dinov2WithRegistersConfig(hidden_size=384, num_hidden_layers=3, num_attention_heads=6)))


def tiles_of(folder, edge):
    pictures = [Image.open(path).convert("RGB") for path in sorted(folder.glob("tile_*.png"))]
    return [picture if picture.width == edge else picture.resize((edge, edge), Image.Resampling.LANCZOS) for picture in pictures]


def compare(case, program, tiles_folder, work):
    """Largest absolute difference, and the largest feature."""
    pictures = tiles_of(tiles_folder, case.tile)
    paths = []
    for i, picture in enumerate(pictures):
        paths.append(work / f"tile_{i}.png")
        picture.save(paths[-1])
    case.folder(work / "encoder")
    command = [program, "encode", *map(str, paths), "--encoder", str(work / "encoder"), "--out", str(work / "out.safetensors")]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise SystemExit(f"{case.name}: {run.stderr}")
    ours, theirs = load_file(work / "out.safetensors")["features"], case.features(pictures)
    if ours.shape != theirs.shape:
        raise SystemExit(f"{case.name}: {tuple(ours.shape)} features, not {tuple(theirs.shape)}")
    return (ours - theirs).abs().max().item(), theirs.abs().max().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("tiles", type=pathlib.Path)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--table", type=pathlib.Path)
    arguments = parser.parse_args()
    if not list(arguments.tiles.glob("tile_*.png")):
        print(f"skipped: no tiles in {arguments.tiles}")
        sys.exit(77)
    lines, failed = [], 0
    for make in cases(arguments.full):
        case = make()
        if arguments.only not in case.name:
            continue
        with tempfile.TemporaryDirectory(dir=pathlib.Path.cwd()) as work:
            error, largest = compare(case, arguments.program, arguments.tiles, pathlib.Path(work))
        failed += not error <= TOLERANCE
        depth = len(case.model.blocks) if hasattr(case.model, "blocks") else getattr(getattr(case.model, "config", None), "num_hidden_layers", "")
        lines.append(f"| {case.name} | {depth} | {largest:.2g} | {error:.1e} |")
        print(lines[-1], flush=True)
    if arguments.table:
        arguments.table.write_text("\n".join(["| network | blocks | largest feature | largest error |", "|---|---:|---:|---:|", *lines]) + "\n")
    print(f"{len(lines)} encoders against timm {timm.__version__} and transformers {transformers.__version__}, {failed} above {TOLERANCE}")
    sys.exit(1 if failed or not lines else 0)


if __name__ == "__main__":
    main()
