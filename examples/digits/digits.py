"""Write the handwritten digits that scikit-learn ships as PNG files, one folder for each digit.

    pip install scikit-learn pillow
    python digits.py FOLDER

They are 1,797 images of 8x8 pixels (Alpaydin & Kaynak 1998, UCI repository), enlarged to 32x32.
"""

import sys
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits


def main(folder: Path) -> None:
    """Write all digits below a folder."""
    digits = load_digits()
    for number, (pixels, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        image = Image.fromarray((pixels / 16 * 255).astype("uint8"))
        place = folder / str(digit)
        place.mkdir(parents=True, exist_ok=True)
        image.resize((32, 32), Image.Resampling.BICUBIC).save(place / f"{number:04}.png")
    print(f"{len(digits.images):,} images in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
