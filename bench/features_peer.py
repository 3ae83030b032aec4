"""The peer of bench/features.py: a loop as TRIDENT and CLAM write it. Prints tiles, largest difference from our features, seconds of the
loop, versions.

usage: features_peer.py CHECKPOINT WORK_FOLDER WORKERS SLIDE...
"""
import pathlib
import sys
import time

import h5py
import numpy
import openslide
import timm
import torch
from PIL import Image

checkpoint, work, workers, slides = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), [pathlib.Path(p) for p in sys.argv[4:]]
EDGE = 224


def encoder():
    """timm's tensors are the checkpoint's, one for one in order (reference/wsi.md 4.2)."""
    model = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    stored = [value for name, value in torch.load(checkpoint, weights_only=True).items() if not name.startswith("_fc.")]
    own = model.state_dict()
    assert len(own) == len(stored)
    model.load_state_dict(dict(zip(own, stored)))
    return model.eval()


class Tiles(torch.utils.data.Dataset):
    def __init__(self, path, coords, level, read_px):
        self.path, self.coords, self.level, self.read_px, self.slide = path, coords, level, read_px, None

    def __len__(self):
        return len(self.coords)

    def __getitem__(self, index):
        if self.slide is None:  # each worker opens its own
            self.slide = openslide.OpenSlide(str(self.path))
        tile = self.slide.read_region(tuple(int(v) for v in self.coords[index]), self.level, (self.read_px, self.read_px)).convert("RGB")
        if self.read_px != EDGE:
            tile = tile.resize((EDGE, EDGE), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(numpy.array(tile)).permute(2, 0, 1).float() / 255
        return (pixels - 0.5) / 0.5


def ours(slide):
    file = next((work / "ours").rglob(f"features*/{slide.stem}.h5"))
    with h5py.File(file) as bag:
        where = bag["coords"].attrs
        return bag["coords"][:], bag["features"][:], int(where["level_read"]), int(where["read_size"])


known = {slide: ours(slide) for slide in slides}
start = time.perf_counter()
model, tiles, difference = encoder(), 0, 0.0
for slide, (coords, features, level, read_px) in known.items():
    loader = torch.utils.data.DataLoader(Tiles(slide, coords, level, read_px), batch_size=32, num_workers=workers, shuffle=False)
    with torch.inference_mode():
        rows = torch.cat([model(batch) for batch in loader])
    with h5py.File(work / f"peer_{slide.stem}.h5", "w") as out:
        out["features"], out["coords"] = rows.numpy(), coords
    tiles += len(rows)
    if read_px == EDGE:  # where both resize, the filters differ
        difference = max(difference, float(numpy.abs(rows.numpy() - features).max()))
print(tiles, difference, time.perf_counter() - start, sep="\n")
print(f"torch {torch.__version__}, timm {timm.__version__}, openslide-python {openslide.__version__}, OpenSlide {openslide.__library_version__}")
