#!/usr/bin/env python3
"""Parquet files with pictures, as Hugging Face's `datasets` writes them and as others may: tests/reference/tables.

    python3 tests/reference/make_tables.py        # needs pyarrow and pillow
"""
import io
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent / "tables"


def png(number):
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (40 * number, 255 - 40 * number, 90)).save(file, "PNG")
    return file.getvalue()


# Five rows in groups of two; the fourth has no picture. Labels are numbers, whose names stand in the file's notes.
pictures = [{"bytes": None if row == 3 else png(row), "path": None if row == 3 else f"{row}.png"} for row in range(5)]
masks = [{"bytes": png(row), "path": f"mask-{row}.png"} for row in range(5)]
features = {"image": {"_type": "Image"}, "label": {"names": ["fence", "wall"], "_type": "ClassLabel"}}
table = pa.table({
    "image": pa.array(pictures, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
    "label": pa.array([0, 1, 1, 0, None], pa.int64()),
    "score": pa.array([0.5, 0.25, 1.0, 0.0, -2.0], pa.float32()),
    "words": pa.array([["a", "b"], [], ["c"], [], []], pa.list_(pa.string())),
    "mask": pa.array(masks, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
    "raw": pa.array([[b"1"]] * 5, pa.list_(pa.binary())),
    "day": pa.array([0, 19_000, 2**31 - 1, 1, 2], pa.date32()),
})
table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
for compression in ("snappy", "zstd", "lz4"):
    pq.write_table(table, HERE / f"{compression}.parquet", row_group_size=2, compression=compression)

# Bytes alone, not called anything in particular, and nothing else.
pq.write_table(pa.table({"thumbnail": pa.array([png(row) for row in range(3)], pa.binary())}), HERE / "bytes.parquet")
# Names of files.
pq.write_table(pa.table({"path": ["photographs/0/000.png", "photographs/1/001.png"], "year": pa.array([1999, 2001], pa.int32())}), HERE / "files.parquet")
# Bytes left out, as Hugging Face does where files lie beside; a column that is called bytes and has none.
table = pa.table({"image": pa.array([{"bytes": None, "path": "photographs/0/000.png"}], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))})
pq.write_table(table, HERE / "beside.parquet")
pq.write_table(pa.table({"image": pa.array([{"bytes": 1, "data": b"x"}], pa.struct([("bytes", pa.int64()), ("data", pa.binary())]))}), HERE / "misnamed.parquet")
# No pictures.
pq.write_table(pa.table({"year": pa.array([1999], pa.int32())}), HERE / "none.parquet")
