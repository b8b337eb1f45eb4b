"""Unpack chosen files of a wheel: extract.py WHEEL FOLDER PREFIX... (zipfile checks every file's CRC).

Prints the bytes written so far and the bytes in all, one line at a time, for the program that shows the progress.
"""

import os
import sys
import zipfile

wheel, folder, *prefixes = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    chosen = [e for e in archive.infolist() if e.filename.startswith(tuple(prefixes)) and not e.is_dir()]
    total = sum(entry.file_size for entry in chosen)
    written = 0
    for entry in chosen:
        target = os.path.join(folder, entry.filename)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(entry) as source, open(target, "wb") as out:
            while block := source.read(1 << 24):
                out.write(block)
                written += len(block)
                print(written, total, flush=True)
        # Wheels keep the executable bit (CUDA's assembler needs it) in the upper half of the zip attributes.
        if entry.external_attr >> 16 & 0o100:
            os.chmod(target, 0o755)
