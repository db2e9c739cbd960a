#!/usr/bin/env python3
"""Jobs of Quern as a user of DuckDB or PySpark (both from PyPI) would write them, on two cores.

    peer_jobs.py duckdb|spark sort     LINES OUT
    peer_jobs.py duckdb|spark join     ORDERS CUSTOMERS OUT
    peer_jobs.py duckdb|spark pagerank EDGES OUT TOLERANCE

Text in, text out, as the jobs have it: sort gives lines in the order of their bytes; join adds to each order the
columns of its customer; pagerank gives NODE<TAB>rank, from equal ranks on until no rank moves by more than the tolerance (damping 0.85,
the ranks of nodes without links spread evenly over all, edges that come twice count once). OUT is a file (duckdb) or
a directory of parts (spark); scratch files go to the working directory.
"""

import sys


class Duck:
    def __init__(self):
        import duckdb
        self.sql = duckdb.connect().execute
        self.sql("set threads=2")
        self.sql("set memory_limit='8GB'")
        self.sql("set preserve_insertion_order=false")
        self.sql("set temp_directory='duckdb-scratch'")

    @staticmethod
    def table(path, columns, separator=r"\t"):
        types = ", ".join(f"'{column}': 'VARCHAR'" for column in columns)
        return (f"read_csv('{path}', header=false, sep='{separator}', quote='', escape='', auto_detect=false, "
                f"columns={{{types}}})")

    def write(self, query, out):
        self.sql(f"copy ({query}) to '{out}' (format csv, header false, delimiter '\t', quote '', escape '')")

    def sort(self, lines, out):
        self.write(f"select l from {self.table(lines, ['l'], chr(1))} order by l", out)

    def join(self, orders, customers, out):
        self.write(f"select o.*, c.* exclude (id) from {self.table(orders, ['number', 'customer', 'item', 'price'])} o "
                   f"join {self.table(customers, ['id', 'name', 'city'])} c on o.customer = c.id", out)

    def pagerank(self, edges, out, tolerance):
        self.sql(f"create table named as select distinct a, b from {self.table(edges, ['a', 'b'])}")
        self.sql("create table nodes as select row_number() over () as id, name "
                 "from (select a as name from named union select b from named)")
        self.sql("create table edges as select x.id as a, y.id as b from named "
                 "join nodes x on x.name = a join nodes y on y.name = b")
        self.sql("create table links as select a as id, count(*) as n from edges group by a")
        count = self.sql("select count(*) from nodes").fetchone()[0]
        self.sql(f"create table ranks as select id, 1.0::double / {count} as rank from nodes")
        moved = 1
        while moved > float(tolerance):
            loose = self.sql("select coalesce(sum(rank), 0) from ranks anti join links using (id)").fetchone()[0]
            base = (0.15 + 0.85 * loose) / count
            self.sql(f"""create table next as select nodes.id, {base!r} + 0.85 * coalesce(share, 0) as rank from nodes
                left join (select b as id, sum(rank / n) as share from edges
                           join ranks on ranks.id = a join links on links.id = a group by b) using (id)""")
            moved = self.sql("select max(abs(next.rank - ranks.rank)) from next join ranks using (id)").fetchone()[0]
            self.sql("drop table ranks")
            self.sql("alter table next rename to ranks")
        self.write("select name, rank from ranks join nodes using (id)", out)


class Spark:
    def __init__(self):
        from pyspark.sql import SparkSession, functions
        self.f = functions
        self.spark = (SparkSession.builder.master("local[2]").config("spark.driver.memory", "8g")
                      .config("spark.ui.enabled", "false").config("spark.local.dir", "spark-scratch")
                      .config("spark.sql.shuffle.partitions", "8").getOrCreate())
        self.spark.sparkContext.setLogLevel("ERROR")

    def table(self, path, columns):
        types = ", ".join(f"{column} string" for column in columns)
        return self.spark.read.csv(path, sep="\t", schema=types, quote="", escape="")

    def sort(self, lines, out):
        self.spark.read.text(lines).sort("value").write.text(out)

    def join(self, orders, customers, out):
        left = self.table(orders, ["number", "customer", "item", "price"])
        right = self.table(customers, ["customer", "name", "city"])
        joined = left.join(right, "customer").select("number", "customer", "item", "price", "name", "city")
        joined.write.csv(out, sep="\t", quote="", escape="")

    def pagerank(self, edges, out, tolerance):
        f = self.f
        edges = self.table(edges, ["a", "b"]).distinct().cache()
        nodes = edges.select("a").union(edges.select("b")).distinct().withColumnRenamed("a", "name").cache()
        links = edges.groupBy("a").agg(f.count("*").alias("n"))
        edges = edges.join(links, "a").repartition(8, "a").cache()
        count = nodes.count()
        ranks = nodes.withColumn("rank", f.lit(1.0 / count))
        loose_nodes = nodes.join(links, nodes.name == links.a, "left_anti").cache()
        moved = 1
        while moved > float(tolerance):
            loose = ranks.join(loose_nodes, "name", "left_semi").agg(f.sum("rank")).first()[0] or 0.0
            base = (0.15 + 0.85 * loose) / count
            shares = (edges.join(ranks, edges.a == ranks.name).groupBy("b")
                      .agg(f.sum(f.col("rank") / f.col("n")).alias("share")))
            after = (nodes.join(shares, nodes.name == shares.b, "left")
                     .select("name", (f.lit(base) + 0.85 * f.coalesce("share", f.lit(0.0))).alias("rank"))
                     .localCheckpoint())
            moved = (after.withColumnRenamed("rank", "new").join(ranks, "name")
                     .agg(f.max(f.abs(f.col("new") - f.col("rank")))).first()[0])
            ranks = after
        ranks.write.csv(out, sep="\t", quote="", escape="")


def main():
    if len(sys.argv) < 5 or sys.argv[1] not in ("duckdb", "spark"):
        print(__doc__, file=sys.stderr)
        return 2
    peer = Duck() if sys.argv[1] == "duckdb" else Spark()
    getattr(peer, sys.argv[2])(*sys.argv[3:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
