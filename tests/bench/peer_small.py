#!/usr/bin/env python3
"""Small jobs as a user of another tool would write them, on two cores: tests/bench/small_jobs.sh runs them.

    peer_small.py TOOL JOB OUT IN...

TOOL is duckdb (SQL, two threads), scipy, networkx, datatrove (two processes; all from PyPI) or python (the standard
library, two processes where the work divides). Output as the job of that name writes it, in the file OUT.
"""

import collections
import json
import multiprocessing
import re
import sys

# In texts of make_small.py these are the words of UAX #29, in lower case.
WORD = "[a-z0-9]+(?:[.][a-z0-9]+)*"


class Duckdb:
    def __init__(self):
        import duckdb
        self.sql = duckdb.connect().execute
        self.sql("set threads=2")
        self.sql("set memory_limit='8GB'")
        self.sql("set preserve_insertion_order=false")

    @staticmethod
    def columns(path, *names):
        """Lines between tabs; with one name whole lines."""
        types = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
        tab = r"\t" if len(names) > 1 else chr(1)
        return (f"read_csv('{path}', header=false, sep='{tab}', quote='', escape='', auto_detect=false, "
                f"columns={{{types}}})")

    @staticmethod
    def documents(path, *names):
        kinds = {"links": "VARCHAR[][]", "bytes": "BIGINT", "score": "BIGINT"}
        types = ", ".join(f"'{name}': '{kinds.get(name, 'VARCHAR')}'" for name in names)
        return f"read_json('{path}', format='newline_delimited', columns={{{types}}})"

    def write(self, query, out):
        self.sql(f"copy ({query}) to '{out}' (format csv, header false, delimiter '\t', quote '', escape '')")

    def write_json(self, query, out):
        self.sql(f"copy ({query}) to '{out}' (format json)")

    def url_frequency(self, out, log):
        self.write(f"select split_part(l, ' ', 7) as url, count(*) from {self.columns(log, 'l')} group by url", out)

    def sessions(self, out, log):
        self.write(f"""
            with requests as (
                select split_part(l, ' ', 1) as host, split_part(l, ' ', 7) as path, split_part(l, ' ', 10)::bigint as bytes,
                    epoch(strptime(split_part(split_part(l, '[', 2), ']', 1), '%d/%b/%Y:%H:%M:%S %z'))::bigint as t
                from {self.columns(log, 'l')}),
            gaps as (select *, coalesce(t - lag(t) over host_order > 1800, true)::int as opens from requests
                     window host_order as (partition by host order by t)),
            visits as (select *, sum(opens) over (partition by host order by t) as visit from gaps)
            select host, min(t), max(t) - min(t), count(*), sum(bytes), arg_min(path, t) from visits group by host, visit""", out)

    def top_n(self, out, counts):
        self.write(f"select k, n::bigint as n from {self.columns(counts, 'k', 'n')} order by n::bigint desc, k limit 1000", out)

    def sample(self, out, lines):
        self.write(f"select l from {self.columns(lines, 'l')} using sample reservoir(1000 rows)", out)

    def distinct(self, out, lines):
        self.write(f"select v, count(*) from {self.columns(lines, 'v')} group by v", out)

    def distinct_estimate(self, out, lines):
        self.write(f"select 'distinct', approx_count_distinct(v) from {self.columns(lines, 'v')}", out)

    def ngrams(self, out, lines):
        self.write(f"""
            select pair[1] || ' ' || pair[2] as run, count(*) from (
                select unnest(list_zip(words[:-2], words[2:])) as pair
                from (select string_split(l, ' ') as words from {self.columns(lines, 'l')})) group by run""", out)

    def group_by(self, out, documents):
        self.write_json(f"""
            select lang, domain, count(*) as "count", sum(bytes) as "sum(bytes)", max(score) as "max(score)",
                avg(score) as "mean(score)"
            from {self.documents(documents, 'lang', 'domain', 'bytes', 'score')} group by lang, domain""", out)

    def reverse_links(self, out, documents):
        self.write(f"""
            select link[1] as target, string_agg(distinct url, '\t' order by url) from (
                select url, unnest(links) as link from {self.documents(documents, 'url', 'links')}) group by target""", out)

    def term_vector(self, out, documents):
        self.write(f"""
            with words as (
                select regexp_extract(url, '//([^/]*)', 1) as host, unnest(regexp_extract_all(lower(text), '{WORD}')) as word
                from {self.documents(documents, 'url', 'text')}),
            counts as (select host, word, count(*) as n from words group by host, word),
            best as (select * from counts qualify row_number() over (partition by host order by n desc, word) <= 20)
            select host, string_agg(word || ':' || n, '\t' order by n desc, word) from best group by host""", out)

    def exact_dedup(self, out, documents):
        names = ("id", "url", "lang", "domain", "bytes", "score", "links", "text")
        self.write_json(f"""
            select * from {self.documents(documents, *names)}
            qualify row_number() over (
                partition by md5(regexp_replace(trim(lower(text)), '[ \n\t]+', ' ', 'g')) order by id) = 1""", out)

    def repeated_lines(self, out, documents):
        self.write_json(f"""
            with lines as (
                select id, unnest(string_split(text, chr(10))) as line,
                    unnest(range(1, 1 + len(string_split(text, chr(10))))) as number
                from {self.documents(documents, 'id', 'text')}),
            normal as (select id, number, regexp_extract_all(lower(line), '{WORD}') as words from lines),
            keys as (
                select id, number, md5(regexp_replace(array_to_string(words, ' '), '[0-9]', '0', 'g')) as key
                from normal where len(words) >= 10)
            select id, number as line, first_value(id) over lines_order as of from keys
            window lines_order as (partition by key order by id, number) qualify row_number() over lines_order > 1""", out)


def joined(out, nodes, labels):
    """NODE<TAB>COMPONENT, a component called by its least node as bytes; nodes are in the order of their bytes."""
    least = {}
    with open(out, "w", encoding="utf-8") as file:
        for node, label in zip(nodes, labels):
            file.write(f"{node}\t{least.setdefault(label, node)}\n")


class Scipy:
    @staticmethod
    def connected_components(out, edges):
        import numpy
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components
        with open(edges, "rb") as file:
            names = numpy.array(file.read().split())
        nodes, ids = numpy.unique(names, return_inverse=True)
        matrix = coo_matrix((numpy.ones(len(ids) // 2, numpy.int8), (ids[::2], ids[1::2])), (len(nodes), len(nodes)))
        joined(out, (node.decode() for node in nodes), connected_components(matrix, directed=False)[1].tolist())


class Networkx:
    @staticmethod
    def connected_components(out, edges):
        import networkx
        graph = networkx.read_edgelist(edges, delimiter="\t", data=False)
        with open(out, "w", encoding="utf-8") as file:
            for component in networkx.connected_components(graph):
                least = min(component)
                file.writelines(f"{node}\t{least}\n" for node in component)


class Datatrove:
    @staticmethod
    def clean(out, documents):
        """C4's rules for lines and the masks of FineWeb; `documents` is a directory of two files, `out` too."""
        from datatrove.executor import LocalPipelineExecutor
        from datatrove.pipeline.filters import C4QualityFilter
        from datatrove.pipeline.formatters import PIIFormatter
        from datatrove.pipeline.readers import JsonlReader
        from datatrove.pipeline.writers import JsonlWriter
        steps = [JsonlReader(documents),
                 C4QualityFilter(filter_no_terminal_punct=True, min_num_sentences=-1, min_words_per_line=3,
                                 filter_lorem_ipsum=False, filter_curly_bracket=False),
                 PIIFormatter(email_replacement="email@example.com", ip_replacement="192.0.2.1"),
                 JsonlWriter(out, compression=None)]
        LocalPipelineExecutor(steps, tasks=2, workers=2, logging_dir=out + ".logs", skip_completed=False).run()


def runs_of(text, size):
    words = re.sub("[0-9]", "0", " ".join(re.findall(WORD, text.lower()))).split(" ")
    return {" ".join(words[at:at + size]) for at in range(len(words) - size + 1)}


evaluation = set()


def is_clean(line):
    return evaluation.isdisjoint(runs_of(json.loads(line)["text"], 13))


class Python:
    @staticmethod
    def ngrams(out, lines):
        counts = collections.Counter()
        with open(lines, encoding="utf-8") as file:
            for line in file:
                words = line.split()
                counts.update(zip(words, words[1:]))
        with open(out, "w", encoding="utf-8") as file:
            file.writelines(f"{a} {b}\t{n}\n" for (a, b), n in counts.items())

    @staticmethod
    def decontaminate(out, documents, questions):
        with open(questions, encoding="utf-8") as file:
            for line in file:
                for text in json.loads(line).values():
                    evaluation.update(runs_of(text, 13))
        with (multiprocessing.get_context("fork").Pool(2) as pool, open(documents, encoding="utf-8") as source,
              open(out, "w", encoding="utf-8") as file):
            lines = source.readlines()
            file.writelines(line for line, kept in zip(lines, pool.imap(is_clean, lines, 200)) if kept)


class Warcio:
    @staticmethod
    def warc_index(out, crawl):
        from warcio.archiveiterator import ArchiveIterator
        lines = []
        with open(crawl, "rb") as source:
            records = ArchiveIterator(source)
            for record in records:
                body = len(record.content_stream().read())
                get = record.rec_headers.get_header
                lines.append(f"{get('WARC-Target-URI')}\t{get('WARC-Date')}\t{record.rec_type}\t"
                             f"{record.http_headers.get_statuscode()}\ttext/html\t{body}\t{records.get_record_offset()}\n")
        with open(out, "w", encoding="utf-8") as file:
            file.writelines(sorted(lines))


def main():
    tools = {made.__name__.lower(): made for made in (Duckdb, Scipy, Networkx, Datatrove, Python, Warcio)}
    if len(sys.argv) < 5 or sys.argv[1] not in tools:
        print(__doc__, file=sys.stderr)
        return 2
    getattr(tools[sys.argv[1]](), sys.argv[2].replace("-", "_"))(*sys.argv[3:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
