// Prints only what is the same on every run.
const lines = [];
const say = (...parts) => lines.push(parts.join(" "));

class Account {
    #balance = 0;
    static #opened = 0;
    constructor(owner) { this.owner = owner; Account.#opened++; }
    deposit(amount) { this.#balance += amount; return this; }
    get balance() { return this.#balance; }
    static get opened() { return Account.#opened; }
}
const accounts = ["Ada", "Grace", "Linus"].map((name, i) => new Account(name).deposit(100 * (i + 1)));
say("classes", accounts.map((a) => `${a.owner}=${a.balance}`), Account.opened);

function* primes() {
    const found = [];
    for (let n = 2; ; n++) if (found.every((p) => n % p)) found.push(n), yield n;
}
const first = [];
for (const p of primes()) { if (first.push(p) >= 500) break; }
say("generators", first.at(-1), first.reduce((a, b) => a + b));

say("bigint", (3n ** 500n).toString(36).slice(0, 30), BigInt.asIntN(64, 2n ** 63n));
say("regexp", "2024-06-30, 1999-12-31".replace(/(?<y>\d{4})-(?<m>\d\d)-(\d\d)/gu, "$3.$<m>.$<y>"), /(?<=€)\p{L}+/u.exec("a €été")[0]);
say("json", JSON.stringify({ b: [1, { c: null }], a: "\u2028\n", d: undefined, e: NaN, date: new Date(0) }, null, 1).replace(/\s+/g, " "));
const { b: [one, ...rest], ...others } = { b: [1, 2, 3], x: 1, y: 2 };
say("patterns", one, rest, Object.keys(others));
say("numbers", 0.1 + 0.2, (1234.5678).toFixed(2), 1e21, (255).toString(16), Math.hypot(3, 4), Math.sin(1e6), 5e-324, -0 === 0);
say("sort", [..."quick brown fox"].sort((a, b) => (a < b ? 1 : a > b ? -1 : 0)).join(""), [10, 9, 1].sort());

const bytes = new Uint8Array(256).map((_, i) => (i * 197 + 31) & 255);
const view = new DataView(bytes.buffer);
say("typed", view.getFloat32(12).toPrecision(6), view.getBigUint64(8, true), bytes.subarray(3, 7), new Float64Array(2).fill(0.5));

const map = new Map(); for (let i = 0; i < 5000; i++) map.set(`k${(i * 7919) % 1009}`, (map.get(`k${(i * 7919) % 1009}`) ?? 0) + i);
say("map", map.size, map.get("k42"), [...new Set([3, 1, 3, NaN, NaN])]);

const traps = [];
const proxy = new Proxy({}, { get: (_, key) => (traps.push(key), 42), has: () => true });
say("proxy", proxy.anything + proxy.more, "x" in proxy, traps);

const deep = (n) => (n === 0 ? 0 : 1 + deep(n - 1));
say("recursion", deep(400));
for (const bad of ["let 1", "null.x", "({}).f()", "new Array(-1)"]) {
    try { (0, eval)(bad); } catch (e) { say("error", e.name); }
}

let text = ""; for (let i = 0; i < 20000; i++) text += String.fromCharCode(97 + (i * i) % 26);
let hash = 0; for (const c of text) hash = (Math.imul(hash, 31) + c.charCodeAt(0)) | 0;
say("strings", hash, text.length, "İstanbul".toLowerCase().length, "ß".localeCompare("z") < 0 ? "" : "after", "a".padStart(5, "-+"));

const labels = []; outer: for (let i = 0; i < 4; i++) for (let j = 0; j < 4; j++) { if (j === 2) continue outer; if (i === 3) break outer; labels.push(`${i}${j}`); }
say("labels", labels);
const tagged = (parts, ...values) => parts.raw.map((p, i) => p + (values[i] ?? "")).join("");
say("templates", tagged`a\n${1 + 1}b${[1, 2]}`);
say("closures", [1, 2, 3].map((n) => (m) => n * m).map((f, i) => f(i + 10)));
print(lines.join("\n"));
