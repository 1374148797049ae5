# Uses many parts of the interpreter and of its extension modules; prints only what is the
# same on every run. /data is a folder that the test made.
import binascii, bz2, collections, datetime, decimal, fractions, functools, hashlib, heapq, io
import itertools, json, math, os, random, re, sqlite3, struct, sys, textwrap, unicodedata, zlib

print("python", sys.version_info[:3], sys.argv[1:], os.environ.get("GREETING"))

text = json.dumps({"names": ["Ada", "Grace", "Édith"], "nested": {"π": 3.14159, "none": None}, "big": 2**70})
parsed = json.loads(text)
print("json", len(text), parsed["names"][::-1], parsed["nested"], parsed["big"] % 1000003)
try:
    json.loads('{"a": [1, 2,}')
except json.JSONDecodeError as error:
    print("json error", error)

rng = random.Random(42)
numbers = [rng.randrange(1_000_000) for _ in range(20_000)]
assert sorted(numbers) == list(heapq.merge(sorted(numbers[::2]), sorted(numbers[1::2])))
people = sorted(((n % 97, -n, str(n)) for n in numbers[:50]), key=lambda p: (p[0], p[1]))
print("sort", sorted(numbers)[:5], people[:3], hash(tuple(sorted(numbers))) % 1000)

data = "".join(map(str, numbers)).encode()
for name in ("md5", "sha1", "sha256", "sha3_256", "blake2b"):
    print("hash", name, hashlib.new(name, data).hexdigest()[:32])
print("crc", zlib.crc32(data), zlib.adler32(data))

for module, packed in (("zlib", zlib.compress(data, 9)), ("bz2", bz2.compress(data))):
    unpack = zlib.decompress if module == "zlib" else bz2.decompress
    print("compress", module, len(data), len(packed), unpack(packed) == data)

os.makedirs("/data/a/b")
with open("/data/a/b/lines.txt", "w", encoding="utf-8") as file:
    for i in range(1000):
        file.write(f"line {i} ☃\n")
with open("/data/a/b/lines.txt", "rb+") as file:
    file.seek(-8, io.SEEK_END)
    print("file", file.tell(), file.read())
    file.truncate(100)
os.rename("/data/a/b/lines.txt", "/data/a/moved.txt")
print("files", [(top[5:], sorted(folders), sorted(files)) for top, folders, files in os.walk("/data")])
print("stat", os.stat("/data/a/moved.txt").st_size, os.path.isdir("/data/a/b"), os.listdir("/data/a/b"))
os.rmdir("/data/a/b")
for path in ("/data/none.txt", "/etc/passwd", "/data/../../etc/passwd"):
    try:
        open(path)
    except OSError as error:
        print("refused", type(error).__name__, error.filename)

with sqlite3.connect("/data/people.db") as db:
    db.execute("create table person (name text, born integer)")
    db.executemany("insert into person values (?, ?)", [(f"p{n}", n % 60 + 1940) for n in numbers[:500]])
    rows = db.execute("select born / 10 * 10 as decade, count(*), min(name) from person group by decade order by decade")
    print("sqlite", rows.fetchall())

print("decimal", decimal.Decimal(2).sqrt(decimal.Context(prec=40)), fractions.Fraction(355, 113) - 3)
print("big", str(3**5000)[:20], math.factorial(200) % (10**9 + 7), pow(7, 10**18, 998244353))
print("math", math.gamma(5.5), math.sin(1e6), math.fsum([0.1] * 10), round(2.675, 2), float("1e308") * 10)
print("struct", struct.pack("<hIqd", -2, 7, -(2**40), 0.1).hex(), binascii.b2a_base64(b"\0\xff" * 5))
print("unicode", unicodedata.normalize("NFKD", "ﬁ Å ñ").encode("ascii", "ignore"), "straße".upper(), "İ".lower().encode())
print("regex", re.sub(r"(?P<y>\d{4})-(\d\d)", r"\2/\g<y>", "on 2024-06 and 1999-12"), re.findall(r"(?<=a)b+?", "abbb ab b"))
print("date", datetime.date(2024, 2, 29) + datetime.timedelta(days=366), datetime.datetime(1970, 1, 2).isoformat())
print("words", collections.Counter(re.findall(r"\w+", textwrap.dedent(open(sys.argv[0]).read()).lower())).most_common(4))
print("permute", sum(1 for p in itertools.permutations(range(7)) if p[0] < p[-1]))

@functools.lru_cache(None)
def ackermann(m, n):
    return n + 1 if m == 0 else ackermann(m - 1, 1) if n == 0 else ackermann(m - 1, ackermann(m, n - 1))

print("recursion", ackermann(2, 30))
def deep(n):
    return deep(n + 1)
try:
    deep(0)
except RecursionError as error:
    print("deep", error)

class Tree:
    def __init__(self, depth):
        self.kids = [Tree(depth - 1) for _ in range(3)] if depth else []
    def __iter__(self):
        yield self
        for kid in self.kids:
            yield from kid
print("generators", sum(1 for _ in Tree(7)))
print("stdin", sys.stdin.read().split())
sys.stdout.flush()
print("to the error stream", file=sys.stderr)
sys.exit(7)
