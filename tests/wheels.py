"""Packages for the images of tests: nothing is asked of a package index."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def wheel(folder: Path, package: str, modules: Mapping[str, str], version: str = "1.0") -> str:
    """Write a wheel, and return its name.

    Args:
        folder: in which it is written.
        package: its name, as in names of files.
        modules: the text of each file by its path.
        version: of the package.
    """
    name, about = f"{package}-{version}-py3-none-any.whl", f"{package}-{version}.dist-info"
    contents = {
        **modules,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
    with zipfile.ZipFile(folder / name, "w") as packed:
        for path, content in contents.items():
            packed.writestr(zipfile.ZipInfo(path), content)  # always the same time
    return name
