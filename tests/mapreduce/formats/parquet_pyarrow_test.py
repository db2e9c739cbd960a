"""Parquet against pyarrow, through whole jobs: it writes and jobs read, jobs write and it reads.

    parquet_pyarrow_test.py BUILD_DIR      exit code 77: no pyarrow, or a build without the format
"""

import datetime
import decimal
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

build = pathlib.Path(sys.argv.pop(1))
if not (build / "lib/quern/formats/libquern_parquet.so").exists():
    print("SKIPPED, nothing was tested: this build has no Parquet. Try: deploy/install-arrow.sh")
    sys.exit(77)
try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    print("SKIPPED, nothing was tested: no pyarrow. Try: deploy/install-arrow.sh")
    sys.exit(77)

UTC = datetime.timezone.utc
AT = datetime.datetime(2026, 11, 29, 10, 15, 4, 123456)

# Type, a value, and what the value is in JSON. Each column has a null, too.
COLUMNS = [
    (pa.bool_(), True, True),
    (pa.int8(), -128, -128),
    (pa.uint16(), 65535, 65535),
    (pa.int32(), -7, -7),
    (pa.uint64(), 2**64 - 1, 2**64 - 1),
    (pa.float16(), 0.5, 0.5),
    (pa.float32(), 0.25, 0.25),
    (pa.float64(), float("inf"), "Infinity"),
    (pa.string(), 'ä "q" \\ \n', 'ä "q" \\ \n'),
    (pa.large_string(), "large", "large"),
    (pa.string_view(), "a view that is longer than twelve", "a view that is longer than twelve"),
    (pa.binary(), b"\x00\xff", "AP8="),
    (pa.large_binary(), b"", ""),
    (pa.binary(4), b"abcd", "YWJjZA=="),
    (pa.date32(), datetime.date(1960, 2, 29), "1960-02-29"),
    (pa.date64(), datetime.date(2026, 11, 29), "2026-11-29"),
    (pa.time32("ms"), datetime.time(1, 2, 3, 4000), "01:02:03.004"),
    (pa.time64("ns"), datetime.time(1, 2, 3, 4), "01:02:03.000004000"),
    (pa.timestamp("ms"), AT.replace(microsecond=7000), "2026-11-29T10:15:04.007"),
    (pa.timestamp("us", "UTC"), AT.replace(tzinfo=UTC), "2026-11-29T10:15:04.123456Z"),
    (pa.timestamp("us", "Europe/Berlin"), AT.replace(tzinfo=UTC), "2026-11-29T10:15:04.123456Z"),
    (pa.timestamp("ns"), AT, "2026-11-29T10:15:04.123456000"),
    (pa.duration("ms"), datetime.timedelta(seconds=2), 2000),
    (pa.decimal128(9, 2), decimal.Decimal("-1.50"), "-1.50"),
    (pa.decimal256(50, 3), decimal.Decimal("1" * 40 + ".125"), "1" * 40 + ".125"),
    (pa.dictionary(pa.int8(), pa.string()), "word", "word"),
    (pa.list_(pa.int64()), [1, None, 3], [1, None, 3]),
    (pa.large_list(pa.string()), [], []),
    (pa.list_(pa.int8(), 2), [1, 2], [1, 2]),
    (pa.struct([("a", pa.int8()), ("b", pa.list_(pa.string()))]), {"a": None, "b": ["x"]},
     {"a": None, "b": ["x"]}),
    (pa.map_(pa.string(), pa.int32()), [("k", 1), ("l", None)], {"k": 1, "l": None}),
    (pa.map_(pa.int32(), pa.string()), [(1, "x")], [[1, "x"]]),
    (pa.null(), None, None),
]


class ParquetTest(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.dir = pathlib.Path(self.temp.name)

    def tearDown(self):
        self.temp.cleanup()

    def run_job(self, name, in_format, *settings):
        out = self.dir / f"out{len(list(self.dir.iterdir()))}"
        command = [build / "bin/mr", "run", "--local", "--map", "sed 's/^/\\t/'", "--map-only",
                   "--format", in_format, f"file://{self.dir / name}", f"file://{out}"]
        for setting in settings:
            command += ["--set", setting]
        ran = subprocess.run(command, capture_output=True, text=True)
        return out, ran

    def read_rows(self, name, *settings):
        out, ran = self.run_job(name, "parquet", "output.format=raw", *settings)
        self.assertEqual(ran.returncode, 0, ran.stderr)
        lines = []
        for part in sorted(out.glob("part-*")):
            lines += part.read_text().splitlines()
        return [json.loads(line) for line in lines]

    def test_jobs_read_every_type(self):
        names = [f"c{i}" for i in range(len(COLUMNS))]
        arrays = [pa.array([value, None, value], type=type_) for type_, value, _ in COLUMNS]
        table = pa.table(arrays, names=names)
        full = {name: expected for name, (_, _, expected) in zip(names, COLUMNS)}
        expected = [full, dict.fromkeys(names), full]
        for codec in ("none", "snappy", "gzip", "zstd", "lz4", "brotli"):
            for store_schema in (True, False):
                pq.write_table(table, self.dir / "all.parquet", compression=codec,
                               store_schema=store_schema, row_group_size=2)
                rows = self.read_rows("all.parquet")
                self.assertEqual(rows, expected, codec)

    def test_splits_give_each_row_once(self):
        numbers = list(range(20_000))
        table = pa.table({"n": numbers, "text": [f"row {n} " * 5 for n in numbers]})
        pq.write_table(table, self.dir / "many.parquet", row_group_size=1000, version="1.0",
                       data_page_version="2.0")
        rows = self.read_rows("many.parquet", "limits.split=20000", "input.columns=n")
        self.assertEqual(rows, [{"n": n} for n in numbers])

    def test_pyarrow_reads_what_jobs_write(self):
        rows = [{"id": f"d{i}", "n": i, "x": i / 4, "tags": ["a", "b"][: i % 3],
                 "at": "2026-11-29T10:15:04.123456Z", "meta": {"host": "h", "price": f"{i}.50"},
                 "day": "2026-11-29", "raw": "AP8="} for i in range(5000)]
        rows[7] = dict.fromkeys(rows[0])
        (self.dir / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        schema = ("id string, n int32, x double, tags list<string>, at timestamp, "
                  "meta struct<host string, price decimal(10,2)>, day date, raw binary")
        for codec in ("none", "snappy", "gzip", "zstd", "lz4"):
            out, ran = self.run_job("in.jsonl", "jsonl", "output.format=parquet",
                                    f"output.schema={schema}", f"output.codec={codec}",
                                    "output.files={i:05}.parquet", "limits.split=200000")
            self.assertEqual(ran.returncode, 0, ran.stderr)
            parts = sorted(out.glob("*.parquet"))
            self.assertGreater(len(parts), 1)
            table = pa.concat_tables(
                pq.read_table(part, page_checksum_verification=True) for part in parts)
            self.assertEqual(table.schema, pa.schema([
                ("id", pa.string()), ("n", pa.int32()), ("x", pa.float64()),
                ("tags", pa.list_(pa.string())), ("at", pa.timestamp("us", "UTC")),
                ("meta", pa.struct([("host", pa.string()), ("price", pa.decimal128(10, 2))])),
                ("day", pa.date32()), ("raw", pa.binary())]))
            table.validate(full=True)
            found = table.to_pylist()
            self.assertEqual(len(found), len(rows))
            self.assertEqual(found[7], dict.fromkeys(rows[0]))
            self.assertEqual(found[9], {
                "id": "d9", "n": 9, "x": 2.25, "tags": [], "at": AT.replace(tzinfo=UTC),
                "meta": {"host": "h", "price": decimal.Decimal("9.50")},
                "day": datetime.date(2026, 11, 29), "raw": b"\x00\xff"})
            self.assertEqual([row["n"] for row in found], [row["n"] for row in rows])

    def test_guessed_columns(self):
        rows = [{"a": 1, "b": ["x"], "c": {"d": True}}, {"a": 2.5, "b": None, "c": None}]
        (self.dir / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        out, ran = self.run_job("in.jsonl", "jsonl", "output.format=parquet")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(pq.read_table(next(out.glob("part-*"))).to_pylist(), rows)

    def test_damage_is_counted_and_the_rest_is_read(self):
        table = pa.table({"n": list(range(100)), "text": [f"row{n}" for n in range(100)]})
        pq.write_table(table, self.dir / "good.parquet", row_group_size=10, compression="none",
                       write_page_checksum=True)
        content = bytearray((self.dir / "good.parquet").read_bytes())
        (self.dir / "in").mkdir()
        (self.dir / "in/cut.parquet").write_bytes(content[:-100])
        content[content.index(b"row42")] ^= 1
        (self.dir / "in/damaged.parquet").write_bytes(content)
        out, ran = self.run_job("in", "parquet", "output.format=raw")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        counters = ran.stdout + ran.stderr
        self.assertRegex(counters, r"map_set_aside_bad_footer\D*1\b")
        self.assertRegex(counters, r"map_set_aside_bad_row_group\D*1\b")
        lines = "".join(part.read_text() for part in out.glob("part-*")).splitlines()
        kept = [n for n in range(100) if not 40 <= n < 50]
        self.assertEqual([json.loads(line)["n"] for line in lines], kept)

    def test_shards_of_a_corpus(self):
        documents = [{"id": f"d{i}", "url": f"http://x/{i}", "text": f"text {i}" * 20, "n": i}
                     for i in range(300)]
        (self.dir / "in.jsonl").write_text("".join(json.dumps(d) + "\n" for d in documents))
        for job in ("shards", "parquet-shards"):
            subprocess.run([build / "bin/mr", "run", "--local", job, f"file://{self.dir}/in.jsonl",
                            f"file://{self.dir}/{job}", "--reduce", "4"], check=True,
                           capture_output=True)
        parts = sorted((self.dir / "parquet-shards").glob("train-0000?-of-00004.parquet"))
        self.assertEqual(len(parts), 4)
        for part in parts:
            rows = pq.read_table(part).to_pylist()
            for row in rows:
                row["meta"] = json.loads(row["meta"])
            lines = pa.CompressedInputStream(
                str(self.dir / "shards" / part.with_suffix(".jsonl.zst").name), "zstd").read()
            self.assertEqual(rows, [json.loads(line) for line in lines.splitlines()])

    def test_errors_name_the_file_and_the_column(self):
        pq.write_table(pa.table({"n": [1]}), self.dir / "f.parquet")
        _, ran = self.run_job("f.parquet", "parquet", "input.columns=m")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("f.parquet: has no column 'm'", ran.stderr)
        (self.dir / "t.parquet").write_text("this is a text")
        _, ran = self.run_job("t.parquet", "parquet")
        self.assertIn("t.parquet: is no Parquet file", ran.stderr)


if __name__ == "__main__":
    unittest.main()
